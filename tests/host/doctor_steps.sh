# What the host tests of fob doctor do again and again: sourced after lib.sh. $fob is the program.
# shellcheck shell=bash disable=SC2154

doctor() { timeout 60 "$fob" doctor "$@"; }
doctor_alpha() { doctor "$@" alpha -- -F "$work/ssh_config"; }
# finds ID WHAT REMEDY COMMAND...: one finding of that name, whose sentence and remedy hold these words; exit status 1,
# and the same for people.
finds() {
  local id=$1 what=$2 remedy=$3 status=0
  shift 3
  "$@" --json >"$work/doctor.json" || status=$?
  cat "$work/doctor.json"
  same 1 "$status" "exit status"
  python3 - "$work/doctor.json" "$id" "$what" "$remedy" <<'END'
import json, sys
path, name, what, remedy = sys.argv[1:]
found = [each for each in json.load(open(path))["findings"] if each["id"] == name]
assert len(found) == 1, f"{len(found)} findings {name}"
assert what in found[0]["what"], f"no {what!r} in {found[0]['what']!r}"
assert remedy in found[0]["remedy"], f"no {remedy!r} in {found[0]['remedy']!r}"
END
}
finds_only() {
  finds "$@"
  same 1 "$(grep -c '"id"' "$work/doctor.json")" findings
}
finds_nothing() {
  "$@" >"$work/doctor.out" || fail "status $?: $(cat "$work/doctor.out")"
  cat "$work/doctor.out"
  grep -q 'Nothing was found that stands in the way' "$work/doctor.out"
}
