#!/usr/bin/env bash
# From a key to a source that is refused, and to the same one admitted, in five commands: signed.sh COMPONENT.wasm
#
# Needs `thespian-host` in the path. Everything lies in a folder of its own, which goes at the end.
set -euo pipefail

work=$(mktemp -d)
export XDG_CONFIG_HOME=$work/config THESPIAN_HOST_DATA_DIR=$work/data
finish() {
    thespian-host stop >/dev/null 2>&1 || true
    wait
    rm -rf "$work"
}
trap finish EXIT

cp "${1:?usage: signed.sh COMPONENT.wasm}" "$work/hello.wasm"
thespian-host run --authority keys >"$work/node.log" 2>&1 &
thespian-host wait-ready

echo "1. a key of our own"
thespian-host key new ci --no-passphrase

echo "2. what we say of the component, signed with it"
thespian-host sign "$work/hello.wasm" --key ci --name shop/hello --version 1.0

echo "3. nobody trusts that key: the source is refused"
if thespian-host load "$work/hello.wasm"; then
    echo "it was loaded" >&2
    exit 1
fi

echo "4. trust it, for the sources of one shop"
thespian-host key trust ci --sources 'shop/*'

echo "5. the same source is admitted"
hash=$(thespian-host load "$work/hello.wasm")
thespian-host sources "$hash"
