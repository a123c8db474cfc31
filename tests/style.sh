#!/usr/bin/env bash
# The style test: what the house rules forbid and a compiler does not see.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
complain() {
  printf '%s\n' "$1"
  failed=1
}
# complain_if TEXT COMMAND…: the command prints what is wrong, or nothing.
complain_if() {
  local what=$1 found
  shift
  found=$("$@" || true)
  [ -z "$found" ] || complain "$what:"$'\n'"$found"
}

sources() { git ls-files --cached --others --exclude-standard -- "$@"; }

# Dependencies point one way: protocol <- tokens <- agent, cli -> protocol, tests -> all.
foreign_includes() {
  local folder=$1 allowed=$2
  sources "$folder/*.h" "$folder/*.cc" | xargs -r grep -nE '#include "' | grep -vE "#include \"($allowed)/"
}
complain_if "protocol/ may include protocol/ only" foreign_includes protocol 'protocol'
complain_if "tokens/ may include protocol/ and tokens/ only" foreign_includes tokens 'protocol|tokens'
complain_if "agent/ may include protocol/, tokens/ and agent/ only" foreign_includes agent 'protocol|tokens|agent'
complain_if "cli/ may include protocol/ and cli/ only" foreign_includes cli 'protocol|cli'
asio_outside_agent() { sources 'protocol/*' 'tokens/*' 'cli/*' | xargs -r grep -nE 'boost/asio|asio::'; }
complain_if "Asio belongs in agent/" asio_outside_agent

# g++ 12 miscompiles co_await statements that hold braces or a conditional (double free, seen under ASan).
fragile_awaits() { sources '*.h' '*.cc' | xargs -r grep -nE 'co_await[^;]*[{?]|\?[^;:]*co_await'; }
complain_if "a co_await statement holds names and calls only" fragile_awaits

long_files() {
  sources '*.h' '*.cc' | xargs -r wc -l |
    awk '$2 != "total" && (($2 ~ /\.h$/ && $1 > 150) || $1 > 400) { print $2 ": " $1 " lines" }'
}
complain_if "a header has at most 150 lines, a source file at most 400" long_files

stale_rules() { udev/generate | diff udev/70-fob.rules - 2>&1; }
complain_if "udev/70-fob.rules is not what udev/generate makes" stale_rules

unfinished() { sources '*.h' '*.cc' '*.sh' '*.py' ':!tests/style.sh' | xargs -r grep -nE '\b(TODO|FIXME|XXX|HACK)\b'; }
complain_if "unfinished work" unfinished

if command -v clang-format >/dev/null; then
  misformatted() { sources '*.h' '*.cc' | xargs -r clang-format --dry-run 2>&1 | grep 'warning:' | head -20; }
  complain_if "not as .clang-format has it (clang-format -i FILE)" misformatted
else
  echo "style: format not checked, there is no clang-format"
fi

[ "$failed" = 1 ] || echo "style: nothing to complain of"
exit "$failed"
