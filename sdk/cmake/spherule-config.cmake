# find_package(spherule): the functions and libraries of the SDK. Projects that use the toolchain file
# have them already; it is harmless to ask again.
get_filename_component(SPHERULE_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(SPHERULE_SDK_DIR "${SPHERULE_PREFIX}/lib/spherule/sdk")
set(SPHERULE_TOOLCHAIN_FILE "${SPHERULE_SDK_DIR}/CMakeFiles/AzureSphereToolchain.cmake")
if(NOT CMAKE_C_COMPILER MATCHES "spherule-cc$")
  set(spherule_FOUND OFF)
  string(CONCAT spherule_NOT_FOUND_MESSAGE
    "apps need another compiler than this project's (${CMAKE_C_COMPILER}): configure with "
    "-DCMAKE_TOOLCHAIN_FILE=${SPHERULE_TOOLCHAIN_FILE}")
  return()
endif()
include("${SPHERULE_SDK_DIR}/CMakeFiles/SpheruleFunctions.cmake")
