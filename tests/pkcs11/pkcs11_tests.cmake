# The real daemon, the real token host, SoftHSM2, and the module that wraps it and goes wrong on command.
file(GLOB PKCS11_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/pkcs11/*.cc)
list(REMOVE_ITEM PKCS11_TESTS ${CMAKE_SOURCE_DIR}/tests/pkcs11/soft_hsm.cc)
add_executable(pkcs11_daemon_tests ${PKCS11_TESTS} ${DAEMON_MAIN})
target_link_libraries(pkcs11_daemon_tests PRIVATE token_support)
target_compile_definitions(pkcs11_daemon_tests PRIVATE FOB_FAULTY_PKCS11="$<TARGET_FILE:fob-faulty-pkcs11>")
target_precompile_headers(pkcs11_daemon_tests PRIVATE <gtest/gtest.h>)
add_dependencies(pkcs11_daemon_tests fob-agent fob-token-host fob-faulty-pkcs11)
gtest_discover_tests(pkcs11_daemon_tests TEST_PREFIX pkcs11. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS daemon TIMEOUT 300)
