// As test_keys.cc; apart, for its helpers have the same names.
#include "tests/daemon/temp_dir.cc"
