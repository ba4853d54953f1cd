# What the toolchain files of both targets share: they have set SPHERULE_SDK_DIR, SPHERULE_PREFIX, the compiler,
# SPHERULE_LIBRARIES (unless it is the sysroot's lib) and SPHERULE_CPU_FLAGS. The flags are those that high-level apps get
# from their SDK.
if(NOT CMAKE_GENERATOR MATCHES "Ninja")
  message(FATAL_ERROR "Azure Sphere apps are built with Ninja, but the generator is "
    "'${CMAKE_GENERATOR}'. Set \"generator\": \"Ninja\" in CMakePresets.json, or pass -G Ninja.")
endif()

include("${CMAKE_CURRENT_LIST_DIR}/SpheruleApiSet.cmake")
_spherule_resolve_api_set(SPHERULE_API_SET)
set(SPHERULE_SYSROOT "${SPHERULE_SDK_DIR}/Sysroots/${SPHERULE_API_SET}")
if(NOT SPHERULE_LIBRARIES)
  set(SPHERULE_LIBRARIES "${SPHERULE_SYSROOT}/usr/lib")
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES AZURE_SPHERE_TARGET_API_SET)

string(CONCAT CMAKE_C_FLAGS_INIT "${SPHERULE_CPU_FLAGS}"
  "-std=c11 -D_POSIX_C_SOURCE -fPIC -ffunction-sections -fdata-sections -fno-strict-aliasing "
  "-fno-omit-frame-pointer -fno-exceptions -fstack-protector-strong -Wall -Wconversion "
  "-Wstrict-prototypes -Wno-pointer-sign -Werror=implicit-function-declaration")
set(CMAKE_C_FLAGS_DEBUG "-ggdb -O0" CACHE STRING "Flags of Debug builds")
set(CMAKE_C_FLAGS_RELEASE "-g1 -Os" CACHE STRING "Flags of Release builds")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-pie -Wl,--no-undefined -Wl,--gc-sections")
if(AZURE_SPHERE_LTO)
  string(APPEND CMAKE_C_FLAGS_INIT " -flto")
endif()

# The libraries of the host are for another libc. A path of this machine has no place in a program
# that runs on the device, so nothing is written into RUNPATH.
set(CMAKE_SKIP_RPATH ON)
if(NOT CMAKE_CROSSCOMPILING)
  set(CMAKE_FIND_ROOT_PATH "${SPHERULE_SYSROOT}/usr")
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)

# Samples call the functions without a find_package(); both ways work.
set(spherule_DIR "${SPHERULE_PREFIX}/lib/cmake/spherule")
include("${CMAKE_CURRENT_LIST_DIR}/SpheruleFunctions.cmake")
