# What becomes of the vault where the process is killed, or the disk fails, at any of its system calls.
file(GLOB FAULTS_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/faults/*.cc)
list(REMOVE_ITEM FAULTS_SOURCES ${CMAKE_SOURCE_DIR}/tests/faults/main.cc)
add_library(faults STATIC ${FAULTS_SOURCES})
target_link_libraries(faults PUBLIC protocol PRIVATE PkgConfig::SECCOMP)
add_executable(fob-syscall-faults ${CMAKE_SOURCE_DIR}/tests/faults/main.cc)
target_link_libraries(fob-syscall-faults PRIVATE faults)

file(GLOB VAULT_OPERATION_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/faults/vault/*.cc)
add_executable(fob-vault-operation ${VAULT_OPERATION_SOURCES} ${CMAKE_SOURCE_DIR}/tests/daemon/temp_dir.cc)
target_link_libraries(fob-vault-operation PRIVATE faults agent cli)
target_compile_definitions(fob-vault-operation PRIVATE FOB_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")

# Not with a sanitizer: its malloc makes system calls of its own, now and then, so that no two runs are alike.
if(NOT FOB_SANITIZE AND NOT FOB_COVERAGE)
  add_test(NAME faults.vault COMMAND fob-vault-operation faults)
  set_tests_properties(faults.vault PROPERTIES PROCESSORS 2 LABELS host TIMEOUT 600 SKIP_RETURN_CODE 77)
endif()
add_test(NAME faults.ssh_keygen COMMAND bash ${CMAKE_SOURCE_DIR}/tests/faults/ssh_keygen.sh)
set_tests_properties(faults.ssh_keygen PROPERTIES PROCESSORS 2 LABELS host TIMEOUT 600 SKIP_RETURN_CODE 77
                     ENVIRONMENT FOB_SYSCALL_FAULTS=$<TARGET_FILE:fob-syscall-faults>)
add_test(NAME faults.daemon_kill COMMAND bash ${CMAKE_SOURCE_DIR}/tests/faults/daemon_kill.sh)
set_tests_properties(faults.daemon_kill PROPERTIES LABELS host TIMEOUT 420 SKIP_RETURN_CODE 77
                     ENVIRONMENT "FOB_AGENT=$<TARGET_FILE:fob-agent>;FOB=$<TARGET_FILE:fob>")
