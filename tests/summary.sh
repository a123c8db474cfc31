#!/usr/bin/env bash
# What the log of a tier says in short, for the end of a long output: `counts LOG`: one line of how many tests passed,
# failed and were skipped; `failures LOG`: the names of what failed, and how the tier ended.
set -euo pipefail

counts() {
  awk '
    function join(text) { line = line (line == "" ? "" : "; ") text }
    /tests passed, |[0-9] checks, [0-9]+ failed|[0-9] passed, [0-9]+ failed, |% wanted$/ { join($0) }
    /\(Skipped\)$/ { left_out++ }
    /^[a-z0-9_]+_tests [0-9]+: / {
      direct = 1
      if (!/PASSED/) ended_early++
      for (i = 3; i < NF; i++) {
        if ($i == "PASSED") passed += $(i + 2)
        if ($i == "SKIPPED") skipped += $(i + 2)
      }
    }
    /^\[  FAILED  \] [^0-9]/ { failed[$4] = 1 }
    /^fuzz_[a-z0-9_]+: / { targets++; if ($2 != "ok,") found++ }
    END {
      for (name in failed) count++
      if (direct) join(passed + 0 " passed, " count + 0 " failed, " skipped + 0 " skipped")
      if (ended_early) join(ended_early " programs did not come to their end")
      if (left_out) join(left_out " skipped")
      if (targets) join(targets " fuzz targets, " found + 0 " with a find")
      print line
    }' "$1"
}

failures() {
  grep -aE '^\[  FAILED  \] [^0-9]|\*\*\*(Failed|Timeout|Exception|Not Run)|^FAILED: |^[a-z0-9_-]+: (FAILED|NOT NOTICED)|(Sanitizer|error): ' "$1" |
    sort -u | head -n 40 || true
  echo '...'
  tail -n 40 "$1"
}

"$1" "$2"
