# Options, and the flags that every target of the project gets through sph::flags.
option(SPH_WERROR "Warnings are errors" ON)
option(SPH_FUZZ "Build libFuzzer targets (clang)" OFF)
option(SPH_HARDEN "Hardening flags of the release build" OFF)
set(SPH_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_STANDARD_REQUIRED ON)

add_library(sph_flags INTERFACE)
add_library(sph::flags ALIAS sph_flags)
target_include_directories(sph_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_definitions(sph_flags INTERFACE
  _GNU_SOURCE _FILE_OFFSET_BITS=64 _TIME_BITS=64 SPH_VERSION="${PROJECT_VERSION}")
target_compile_options(sph_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wmissing-prototypes
  -Wstrict-prototypes -Wpointer-arith -Wformat=2 -Wundef
  -fno-omit-frame-pointer -fno-strict-aliasing -fno-common)
if(SPH_WERROR)
  target_compile_options(sph_flags INTERFACE -Werror)
endif()
if(SPH_FUZZ)
  target_compile_options(sph_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-sanitize-recover=all)
  target_link_options(sph_flags INTERFACE -fsanitize=address,undefined)
elseif(SPH_SANITIZE)
  target_compile_options(sph_flags INTERFACE -fsanitize=${SPH_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sph_flags INTERFACE -fsanitize=${SPH_SANITIZE})
endif()
if(SPH_HARDEN)
  target_compile_options(sph_flags INTERFACE -fstack-protector-strong -ffunction-sections
    -fdata-sections)
  target_compile_definitions(sph_flags INTERFACE _FORTIFY_SOURCE=2)
  target_link_options(sph_flags INTERFACE -Wl,--gc-sections -Wl,-z,relro,-z,now)
endif()
# Tests run on the machine that builds. Fuzz targets have a build of their own, and a cross build (the device preset) is
# tested from outside, by the whole-system tests of a native build.
if(SPH_FUZZ OR CMAKE_CROSSCOMPILING)
  set(SPH_TESTS OFF)
else()
  set(SPH_TESTS ON)
endif()
# A sanitizer's runtime cannot be linked statically; the agent is static in every other build.
if(SPH_SANITIZE OR SPH_FUZZ)
  set(SPH_STATIC_AGENT OFF)
else()
  set(SPH_STATIC_AGENT ON)
endif()
