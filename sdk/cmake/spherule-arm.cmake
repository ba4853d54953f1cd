# Toolchain file for apps that run on a virtual device: 32-bit ARM, in the app's world (musl).
get_filename_component(SPHERULE_SDK_DIR "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
get_filename_component(SPHERULE_PREFIX "${SPHERULE_SDK_DIR}/../../.." ABSOLUTE)

set(world "${SPHERULE_PREFIX}/lib/spherule/device/sysroot/usr")
set(SPHERULE_LIBRARIES "${world}/lib/arm-linux-musleabihf")
if(NOT EXISTS "${SPHERULE_LIBRARIES}/libapplibs.so.0")
  message(FATAL_ERROR "The ARM half of the SDK is not built (${SPHERULE_LIBRARIES} is missing). Run "
    "`make device` in Spherule's source folder, or build for this machine: SPHERULE_TARGET=native.")
endif()

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER "${SPHERULE_PREFIX}/bin/spherule-cc" --target=arm)
foreach(tool AR RANLIB STRIP NM OBJCOPY OBJDUMP READELF ADDR2LINE)
  string(TOLOWER ${tool} name)
  set(CMAKE_${tool} "arm-linux-gnueabihf-${name}")
endforeach()
set(CMAKE_FIND_ROOT_PATH "${world}")
# What high-level apps get from their SDK. armv7ve is what -mcpu=cortex-a7 says; gcc takes one of the two.
set(SPHERULE_CPU_FLAGS "-mthumb -mfpu=neon-vfpv4 -mfloat-abi=hard -mcpu=cortex-a7 ")
include("${CMAKE_CURRENT_LIST_DIR}/SpheruleToolchain.cmake")
