# The real daemon with a vault, and what opens it: a person, virtual FIDO2 tokens, SoftHSM2.
file(GLOB VAULT_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/vault/*.cc)
add_executable(vault_daemon_tests ${VAULT_TESTS} ${DAEMON_MAIN})
target_link_libraries(vault_daemon_tests PRIVATE agent token_support)
target_precompile_headers(vault_daemon_tests PRIVATE <gtest/gtest.h>)
add_dependencies(vault_daemon_tests fob-agent fob-token-host)
gtest_discover_tests(vault_daemon_tests TEST_PREFIX vault. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS daemon TIMEOUT 300)
