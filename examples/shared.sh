# What the examples share: the binary, servers that end with their script, and a transcript of what is done.
#
# Each examples/tutorial-N/run.sh sources this first. It then stands in the root of the repository, with
#   $SEMBLA   the binary: $SEMBLA_BINARY, or target/release/sembla, which is built if it is not there
#   $HERE     the example's own folder, and $MADE the folder for all that it makes, empty: target/examples/tutorial-N
# Both are relative, as a person would type them. Where a command is run with `show`, `sembla` and `python` are
# functions: the binary with this example's data directory, and the interpreter that `python_of` set.

set -euo pipefail

SEMBLA=
[[ -z ${SEMBLA_BINARY:-} ]] || SEMBLA=$(realpath "$SEMBLA_BINARY")
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HERE=examples/$(basename "$(cd "$(dirname "$0")" && pwd)")
MADE=target/$HERE
cd "$ROOT"

PROCESSES=()
LOGS=()
STORE=
if [[ -t 1 ]]; then BOLD=$'\e[1m' PLAIN=$'\e[0m'; else BOLD='' PLAIN=''; fi

# --- the transcript

# Prints a heading.
step() { printf '\n%s%s%s\n' "$BOLD" "$1" "$PLAIN"; }

# Prints a command as a person would type it, and runs it. What it printed, errors too, can be looked into with `says`.
show() {
    printf '\n%s$%s %s\n' "$BOLD" "$PLAIN" "$(typed "$@")"
    "$@" |& tee "$MADE/shown"
}

# Fails unless what the last `show` printed has a match of this extended regular expression.
says() { grep -Eq -- "$1" "$MADE/shown" || fail "this should have said: $1"; }

# Says what Sembla does not have yet; the example goes on.
not_yet() { printf '\nNOT YET: %s\n' "$1"; }

fail() {
    printf '\n%s: %s\n' "$HERE" "$1" >&2
    exit 1
}

# Prints words with quotes where a shell needs them.
typed() {
    local word line=()
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || word=${word@Q}
        line+=("$word")
    done
    printf '%s\n' "${line[*]}"
}

# Prints the first number, or with SEMBLA_EXAMPLE_SCALE=full the second: the tutorial's own.
scaled() { if [[ ${SEMBLA_EXAMPLE_SCALE:-small} == full ]]; then echo "$2"; else echo "$1"; fi; }

# --- the binary

sembla() { env -i "${ENVIRONMENT[@]}" "$SEMBLA" "$@"; }

# Starts `sembla serve` on a free port with these arguments and a fresh data directory, which later commands use too,
# and waits until it is ready. Sets $URL, which clients reach without a proxy that the person may have.
serve() {
    use_data_directory "data-${#LOGS[@]}"
    start serve --port 0 --data-dir "$DATA" "$@"
    URL=$(wait_for "listening on" 'http://[0-9.:]+')
    wait_for_answer "$URL/ready"
    export NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
    echo "listening on $URL"
}

# Starts `sembla proxy` before that server with these arguments, and exports what clients need to meet the server where
# they expect the hosted service. Nothing can be downloaded from then on: call `python_of` before.
behind_proxy() {
    start proxy --listen 127.0.0.1:0 --server "$URL" --data-dir "$DATA" "$@"
    local lines
    wait_for "the line with NO_PROXY" '^export NO_PROXY=.*' > "$MADE/shown"
    lines=$(grep '^export ' "${LOGS[-1]}")
    # What would send clients elsewhere, or let them trust something else, if the person who runs this has it.
    unset ALL_PROXY HTTP_PROXY all_proxy http_proxy https_proxy no_proxy
    unset CURL_CA_BUNDLE SSL_CERT_DIR HF_ENDPOINT HF_HUB_OFFLINE
    echo "$lines"
    eval "$lines"
    # No key is configured, so any token will do; without one the clients do not even ask.
    export HF_TOKEN=hf_any HF_HOME=$ROOT/$MADE/client-of-the-hub
}

# Lets a server find a model's folder under the name and commit that it has on the Hub, as if it were downloaded.
# Call it before `serve`. Usage: in_hub_cache REPOSITORY COMMIT FOLDER
in_hub_cache() {
    local cache=$MADE/home/.cache/huggingface/hub/models--${1//\//--}
    mkdir -p "$cache/refs" "$cache/snapshots"
    printf '%s' "$2" > "$cache/refs/main"
    ln -s "$3" "$cache/snapshots/$2"
}

# Nothing of the person who runs this gets in: no settings, no keys, no caches. A run.sh may add variables.
use_data_directory() {
    DATA=$MADE/$1
    ENVIRONMENT=("HOME=$ROOT/$MADE/home" "SEMBLA_DATA_DIR=$ROOT/$DATA" HF_HUB_OFFLINE=1 "${VARIABLES[@]}")
}
VARIABLES=("PATH=$PATH" "LANG=${LANG:-C.UTF-8}")

# --- Python, and the store

# Sets $PYTHON to the interpreter of an environment, which is made if it is not there.
python_of() { PYTHON=$(scripts/make-venv "$1" "$2"); }

# A client that waits for ever is ended after $LIMIT seconds.
python() { PYTHONUNBUFFERED=1 timeout --foreground "${LIMIT:-600}" "$PYTHON" "$@"; }

# Starts moto's server of S3, which keeps everything in memory and checks no signatures. Sets $S3_URL.
s3_store() {
    local interpreter state
    interpreter=$(scripts/make-venv stores-s3 clients/stores-s3.txt)
    # It ends when its stdin does: a coprocess's is not inherited by the others.
    coproc STORE_PIPES { exec "$interpreter" clients/stores/s3.py 2> "$MADE/s3.log"; }
    STORE=$STORE_PIPES_PID STORE_STDIN=${STORE_PIPES[1]}
    read -r state <&"${STORE_PIPES[0]}" || fail "the store did not start: $(< "$MADE/s3.log")"
    S3_URL=http://127.0.0.1:$(grep -Eo '[0-9]+' <<< "$state")
}

# --- processes

# Starts a server in the background, and shows how.
start() {
    local log=$MADE/$1-${#LOGS[@]}.log
    : > "$log"
    printf '\n%s$%s %s &\n' "$BOLD" "$PLAIN" "$(typed sembla "$@")"
    # Not with the function: a signal would end its shell and not the server.
    env -i "${ENVIRONMENT[@]}" "$SEMBLA" "$@" > "$log" 2>&1 < /dev/null &
    PROCESSES+=($!)
    LOGS+=("$log")
}

# Prints the first match of an extended regular expression in what the last server said.
wait_for() {
    local _
    for _ in {1..1200}; do
        grep -Eom1 -- "$2" "${LOGS[-1]}" && return
        is_running "${PROCESSES[-1]}" || break
        sleep 0.1
    done
    fail "the server did not say: $1"
}

wait_for_answer() {
    local _
    for _ in {1..1200}; do
        if has_status_200 "$1"; then return; fi
        is_running "${PROCESSES[-1]}" || break
        sleep 0.1
    done
    fail "$1 does not answer"
}

# Returns whether a GET gives 200, with nothing but the shell.
has_status_200() (
    [[ $1 =~ ^http://([0-9.]+):([0-9]+)(/.*)$ ]]
    exec 3<> "/dev/tcp/${BASH_REMATCH[1]}/${BASH_REMATCH[2]}" || exit 1
    printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "${BASH_REMATCH[3]}" "${BASH_REMATCH[1]}" >&3
    read -r _ status _ <&3
    [[ $status == 200 ]]
) 2> /dev/null

is_running() { kill -0 "$1" 2> /dev/null; }

# Ends every server, last first, whatever the script ended with, and shows what they said if something went wrong.
finish() {
    local status=$? place log
    trap '' INT TERM HUP
    for ((place = ${#PROCESSES[@]} - 1; place >= 0; place--)); do
        stop "${PROCESSES[place]}" || status=$((status ? status : 1))
    done
    if [[ -n $STORE ]]; then
        exec {STORE_STDIN}>&-
        wait "$STORE" || true
    fi
    if ((status)); then
        for log in "${LOGS[@]}"; do printf '\nthe end of %s:\n%s\n' "$log" "$(tail -n 20 "$log")" >&2; done
        printf '\n%s ended with %s\n' "$HERE" "$status" >&2
    fi
    trap - EXIT
    exit "$status"
}

# Asks a server to stop, and fails unless it ends well within a minute.
stop() {
    local _
    kill -TERM "$1" 2> /dev/null || true
    for _ in {1..600}; do
        is_running "$1" || break
        sleep 0.1
    done
    kill -KILL "$1" 2> /dev/null || true
    wait "$1"
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

rm -rf "$MADE"
mkdir -p "$MADE/home"
use_data_directory data
if [[ -z $SEMBLA ]]; then
    SEMBLA=$ROOT/target/release/sembla
    [[ -x $SEMBLA ]] || cargo build --release --locked
fi
[[ -x $SEMBLA ]] || fail "$SEMBLA is not there, or cannot be run"
