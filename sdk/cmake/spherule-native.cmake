# Toolchain file for apps that run on this machine's processor, in the app's world (musl).
get_filename_component(SPHERULE_SDK_DIR "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
get_filename_component(SPHERULE_PREFIX "${SPHERULE_SDK_DIR}/../../.." ABSOLUTE)

set(CMAKE_C_COMPILER "${SPHERULE_PREFIX}/bin/spherule-cc")
include("${CMAKE_CURRENT_LIST_DIR}/SpheruleToolchain.cmake")
