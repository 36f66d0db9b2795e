#!/usr/bin/env bash
# A Hub on this machine: publish a model that was trained here, fetch it into a second, empty cache, and run it there.
# `make hub-demo` runs it; AIGC_ZOO and PYTHON say which programs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
zoo=${AIGC_ZOO:-aigc-zoo}
work=$(mktemp -d)
trap 'kill "$hub" 2>/dev/null; rm -rf "$work"' EXIT

mkdir "$work/empty"
"${PYTHON:-python3}" "$here/loopback" "$work/empty" > "$work/address" &
hub=$!
until grep -q HF_ENDPOINT "$work/address"; do sleep 0.1; done
# hf_test is the token of the loopback's user `me`; it has no Xet store.
export "$(cat "$work/address")" HF_TOKEN=hf_test HF_HUB_DISABLE_XET=1

say() { printf '\n$ %s\n' "$*"; "$@"; }
cd "$work"
export HF_HOME="$work/first" AIGC_ZOO_HOME="$work/first"
say "$zoo" push dcgan-digits me/dcgan-digits --yes
say "$zoo" run dcgan-digits --count 16 --output here.npy

export HF_HOME="$work/second" AIGC_ZOO_HOME="$work/second"
unset HF_TOKEN
say "$zoo" search digits
say "$zoo" run hf:me/dcgan-digits --count 16 --output there.npy
say "$zoo" lock hf:me/dcgan-digits
say env HF_HUB_OFFLINE=1 "$zoo" run hf:me/dcgan-digits --locked --count 16 --output offline.npy
cmp here.npy there.npy
cmp here.npy offline.npy
printf '\nThe same samples, byte for byte: here, from the second cache, and without the network.\n'
