# How tests are declared. Labels: unit, fuzz-smoke, system, cgroup, sdk; 77 = skipped with a reason.

# sph_unit_test(NAME LAYER layer SOURCES f.c… [LIBS external…]): a cmocka program beside its source.
function(sph_unit_test name)
  cmake_parse_arguments(arg "" "LAYER" "SOURCES;LIBS" ${ARGN})
  if(NOT SPH_TESTS)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sph_${arg_LAYER} cmocka ${arg_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT 120)
endfunction()

# sph_fuzz_target(NAME LAYER layer SOURCES f.c [CORPUS dir] [LIBS external…])
# A libFuzzer program under the fuzz preset, with a smoke run over its corpus as a test.
function(sph_fuzz_target name)
  cmake_parse_arguments(arg "" "LAYER;CORPUS" "SOURCES;LIBS" ${ARGN})
  if(NOT SPH_FUZZ)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sph_${arg_LAYER} ${arg_LIBS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  set(scratch "${CMAKE_BINARY_DIR}/fuzz/${name}.corpus")
  file(MAKE_DIRECTORY "${scratch}")
  add_test(NAME ${name} COMMAND ${name} -max_total_time=10 -rss_limit_mb=512 -timeout=5
    -verbosity=0 -print_final_stats=1 -artifact_prefix=${CMAKE_BINARY_DIR}/fuzz/${name}-
    "${scratch}" ${arg_CORPUS})
  set_tests_properties(${name} PROPERTIES LABELS fuzz-smoke TIMEOUT 120)
endfunction()
