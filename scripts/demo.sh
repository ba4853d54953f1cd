#!/bin/sh
# The main job, watched: an app that forgets to free is deployed, its button is pressed until the page that does not fit,
# and what the kill left behind is shown. Everything lives in a folder of its own and is gone afterwards.
#   SPHERULE_DEMO=native|virtual   which kind of device; without it a native one where this machine can meter, else a virtual
set -eu
cd "$(dirname "$0")/.."
bin=$PWD/build/bin
kind=${SPHERULE_DEMO:-}
case $kind in
'' | native | virtual) ;;
*)
    echo "demo: SPHERULE_DEMO=$kind: there are native and virtual" >&2
    exit 2
    ;;
esac
leak=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["ComponentId"])' samples/leak/app_manifest.json)
button=12 # SAMPLE_BUTTON_1: adds a node; pressed is low

SPHERULE_HOME=$(mktemp -d)
SPHERULE_DEVICE=demo
export SPHERULE_HOME SPHERULE_DEVICE
trap '"$bin/spherule" device stop >/dev/null 2>&1 || true; rm -rf "$SPHERULE_HOME"' EXIT
trap 'exit 130' INT TERM
trap 'exit 141' HUP PIPE # nobody watches any more

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ spherule %s\n' "$*"; "$bin/spherule" "$@"; }
press() { "$bin/spherule" device gpio set "$button" 0; sleep 0.03; "$bin/spherule" device gpio set "$button" 1; sleep 0.03; }
kills() { "$bin/spherule" device app show-kills --output json | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))'; }

# Whether this machine can meter, only an agent that is started on it knows for sure: status 5 says that it cannot.
choose() {
    "$bin/spherule" device create probe --output none
    status=0
    reason=$("$bin/spherule" device start probe --output none 2>&1) || status=$?
    "$bin/spherule" device delete probe --force --output none
    case $status in
    0) kind=native ;;
    5)
        kind=virtual
        echo "demo: ${reason#error: }" >&2
        ;;
    *)
        echo "$reason" >&2
        exit "$status"
        ;;
    esac
}

[ -n "$kind" ] || choose
if [ "$kind" = virtual ]; then
    samples=$PWD/build/device/samples
    option=--virtual
    say "0. A virtual device: 'make device' builds its kernel and its files, the first time in some minutes"
    make --no-print-directory device
else
    samples=$PWD/build/release/samples
    option=
fi

say "1. A device with 256 KiB for its apps"
# shellcheck disable=SC2086
run device create demo $option
run device start demo
"$bin/spherule" trust add "$samples/signer.pem" # the build signed with the key of another SPHERULE_HOME

say "2. An app that adds a list node at every press and forgets to free"
run device sideload deploy --image-package "$samples/leak.imagepackage"
run device app show-memory-stats

presses=0
while :; do
    press
    presses=$((presses + 1))
    [ "$(kills)" -eq 0 ] || break
    if [ $((presses % 4)) -eq 0 ]; then
        say "after $presses presses"
        run device app show-memory-stats
    fi
    [ "$presses" -lt 64 ] || { echo "demo: 64 presses and no kill; this is a bug" >&2; exit 1; }
done

say "3. Press $presses needed a page beyond the ration: the app is gone, and this is what it held"
run device app show-kills last

say "4. The device started it again, with an empty list"
run device app show-status --component-id "$leak"
run device app show-memory-stats
