# The real daemon, the real token host, and virtual tokens plugged into its sockets.
file(GLOB TOKEN_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/tokens/*.cc)
list(FILTER TOKEN_TESTS INCLUDE REGEX "_test\\.cc$")
# A daemon with such tokens, and SoftHSM2: shared by the next three programs.
add_library(token_support STATIC ${CMAKE_SOURCE_DIR}/tests/tokens/token_rig.cc
                                 ${CMAKE_SOURCE_DIR}/tests/pkcs11/soft_hsm.cc)
target_include_directories(token_support SYSTEM PUBLIC ${P11KIT_INCLUDE_DIRS})
target_link_libraries(token_support PUBLIC daemon_support virtual_token ${CMAKE_DL_LIBS})
set(DAEMON_MAIN ${CMAKE_SOURCE_DIR}/tests/daemon/main.cc)
add_executable(token_daemon_tests ${TOKEN_TESTS} ${DAEMON_MAIN})
target_link_libraries(token_daemon_tests PRIVATE token_support)
target_precompile_headers(token_daemon_tests PRIVATE <gtest/gtest.h>)
add_dependencies(token_daemon_tests fob-agent fob-token-host)
gtest_discover_tests(token_daemon_tests TEST_PREFIX token. DISCOVERY_TIMEOUT 60 PROPERTIES LABELS daemon TIMEOUT 300)
