"""Jobs of several threads: results in order, errors told, each thread alone, and torch as it was."""

import threading
import time

import pytest
import torch

from aigc_vae.hub.side_by_side import MOST, side_by_side, threads


def in_a_new_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_in_the_order_of_the_jobs(count):
    torch.set_num_threads(count)
    assert side_by_side([lambda at=at: at * at for at in range(20)]) == [at * at for at in range(20)]


def test_jobs_run_at_the_same_time_each_on_one_thread_of_torch_which_stays_as_it_was():
    torch.set_num_threads(2)
    met = threading.Barrier(2, timeout=60)

    def job():
        met.wait()
        return torch.get_num_threads(), threading.get_ident()

    found = side_by_side([job, job])
    assert [each for each, _ in found] == [1, 1]
    assert len({name for _, name in found} | {threading.get_ident()}) == 3
    assert torch.get_num_threads() == 2
    assert in_a_new_thread(torch.get_num_threads) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_job_or_one_thread_is_computed_here(jobs):
    torch.set_num_threads(2 // jobs)
    assert set(side_by_side([threading.get_ident] * jobs)) == {threading.get_ident()}


def test_modes_go_along():
    torch.set_num_threads(2)
    look = [lambda: (torch.is_inference_mode_enabled(), torch.is_grad_enabled())] * 2
    with torch.inference_mode():
        assert side_by_side(look) == [(True, False)] * 2
    with torch.no_grad():
        assert side_by_side(look) == [(False, False)] * 2
    assert side_by_side(look) == [(False, True)] * 2


def test_an_error_is_told_and_the_next_call_works():
    torch.set_num_threads(2)

    def fail():
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        side_by_side([fail, lambda: time.sleep(0.01)])
    assert side_by_side([lambda: 1, lambda: 2]) == [1, 2]


def test_only_so_many_threads_and_one_elsewhere_than_on_a_processor():
    torch.set_num_threads(3)
    assert threads(torch.device("cpu")) == 3
    assert threads(torch.device("meta")) == 1
    assert MOST >= 3
