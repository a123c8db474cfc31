# A PKCS#11 module that wraps SoftHSM2 and goes wrong on command; after virtual.cmake, whose tests drive it.
file(GLOB FAULTY_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/virtual/pkcs11/*.cc)
add_library(fob-faulty-pkcs11 MODULE ${FAULTY_SOURCES})
target_include_directories(fob-faulty-pkcs11 PRIVATE ${CMAKE_SOURCE_DIR})
target_include_directories(fob-faulty-pkcs11 SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
# Somebody else's module: not instrumented, so that programs that are not can load it.
target_compile_options(fob-faulty-pkcs11 PRIVATE -fno-sanitize=all -fvisibility=hidden)
target_link_options(fob-faulty-pkcs11 PRIVATE -fno-sanitize=all)
target_link_libraries(fob-faulty-pkcs11 PRIVATE ${CMAKE_DL_LIBS})

target_include_directories(virtual_tests SYSTEM PRIVATE ${P11KIT_INCLUDE_DIRS})
foreach(TESTS virtual_tests tokens_tests)
  target_compile_definitions(${TESTS} PRIVATE FOB_FAULTY_PKCS11="$<TARGET_FILE:fob-faulty-pkcs11>")
  add_dependencies(${TESTS} fob-faulty-pkcs11)
endforeach()
