# The device's processor: what `make device` builds with. glibc comes from Debian's cross packages, everything else for
# armhf (nettle, gmp, and musl for the app's world) from the sysroot that scripts/device.py unpacks into its cache.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)

get_filename_component(SPH_SYSROOT "${CMAKE_CURRENT_LIST_DIR}/../build/device-cache/sysroot" ABSOLUTE)
if(NOT EXISTS "${SPH_SYSROOT}/usr/include/nettle")
  message(FATAL_ERROR "There is no armhf sysroot in ${SPH_SYSROOT}: run `make device` first (or "
    "`scripts/device.py sysroot`, for the sysroot alone).")
endif()

set(SPH_CPU_FLAGS -mcpu=cortex-a7 -mfpu=neon-vfpv4 -mthumb)
list(JOIN SPH_CPU_FLAGS " " flags)
set(CMAKE_C_FLAGS_INIT
  "${flags} -isystem ${SPH_SYSROOT}/usr/include -isystem ${SPH_SYSROOT}/usr/include/arm-linux-gnueabihf")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L${SPH_SYSROOT}/usr/lib/arm-linux-gnueabihf")

# The compiler of the app's world: the same gcc with musl's specs.
set(SPH_MUSL_GCC arm-linux-gnueabihf-gcc "--sysroot=${SPH_SYSROOT}"
  "-specs=${SPH_SYSROOT}/usr/lib/arm-linux-musleabihf/musl-gcc.specs" ${SPH_CPU_FLAGS})

set(CMAKE_FIND_ROOT_PATH "${SPH_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
