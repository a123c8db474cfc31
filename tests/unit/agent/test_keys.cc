// The keys, logins and temporary folders of the daemon's tests serve here too.
#include "tests/daemon/certify.cc"
#include "tests/daemon/numbers.cc"
#include "tests/daemon/session.cc"
#include "tests/daemon/test_key.cc"
