# What runs in the app's world is compiled by a musl compiler, not by the host's, so it is built by
# commands of its own. The same function serves each architecture: another call with that
# architecture's compiler, flags and folder builds the same sources for it.

set(SPH_TARGET_CFLAGS -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wmissing-prototypes
  -Wstrict-prototypes -Wpointer-arith -Wformat=2 -Wundef -fno-strict-aliasing -fno-common)
if(SPH_WERROR)
  list(APPEND SPH_TARGET_CFLAGS -Werror)
endif()

# Each page that the loader writes is a page of the application's ration, for each library: so no
# RELRO (a page of its own) and no start files (their tables need relocations).
set(SPH_TARGET_LIBRARY_FLAGS -Os -fPIC -fno-asynchronous-unwind-tables -ffunction-sections
  -fdata-sections -shared -nostartfiles -nodefaultlibs -Wl,-O1 -Wl,--gc-sections
  -Wl,--hash-style=gnu -Wl,--build-id=none -Wl,-z,norelro -Wl,-z,noseparate-code
  -Wl,-Bsymbolic-functions -Wl,--no-undefined)

# sph_target_library(OUTPUT file SONAME name MAP file SOURCES f.c… COMPILER cc [LIBS -l…]
#                    [DEPENDS f.h…] [FLAGS …])
function(sph_target_library)
  cmake_parse_arguments(arg "" "OUTPUT;SONAME;MAP" "SOURCES;COMPILER;LIBS;DEPENDS;FLAGS" ${ARGN})
  get_filename_component(folder "${arg_OUTPUT}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  list(TRANSFORM arg_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  add_custom_command(OUTPUT "${arg_OUTPUT}"
    COMMAND ${arg_COMPILER} ${SPH_TARGET_CFLAGS} ${SPH_TARGET_LIBRARY_FLAGS}
      "-I${PROJECT_SOURCE_DIR}/src" "-I${PROJECT_SOURCE_DIR}/sdk/include" ${arg_FLAGS}
      "-Wl,-soname,${arg_SONAME}" "-Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/${arg_MAP}"
      -o "${arg_OUTPUT}" ${arg_SOURCES} ${arg_LIBS}
    DEPENDS ${arg_SOURCES} ${arg_DEPENDS} "${CMAKE_CURRENT_SOURCE_DIR}/${arg_MAP}"
    COMMENT "Building ${arg_SONAME} for the app's world"
    VERBATIM)
endfunction()

# sph_target_program(OUTPUT file SOURCES f.c… COMPILER cc [LIBS …] [DEPENDS …] [FLAGS …])
# A program of the app's world, as the tests need them.
function(sph_target_program)
  cmake_parse_arguments(arg "" "OUTPUT" "SOURCES;COMPILER;LIBS;DEPENDS;FLAGS" ${ARGN})
  get_filename_component(folder "${arg_OUTPUT}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  list(TRANSFORM arg_SOURCES PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  add_custom_command(OUTPUT "${arg_OUTPUT}"
    COMMAND ${arg_COMPILER} ${SPH_TARGET_CFLAGS} -Os
      "-I${PROJECT_SOURCE_DIR}/src" "-I${PROJECT_SOURCE_DIR}/sdk/include" ${arg_FLAGS}
      -o "${arg_OUTPUT}" ${arg_SOURCES} ${arg_LIBS}
    DEPENDS ${arg_SOURCES} ${arg_DEPENDS}
    COMMENT "Building ${arg_OUTPUT}"
    VERBATIM)
endfunction()
