# The name that app projects know: $env{AzureSphereDefaultSDKDir}/CMakeFiles/AzureSphereToolchain.cmake
# -DSPHERULE_TARGET=arm, or SPHERULE_TARGET=arm in the environment, builds for a virtual device's processor.
if(NOT SPHERULE_TARGET)
  set(SPHERULE_TARGET "$ENV{SPHERULE_TARGET}")
endif()
if(SPHERULE_TARGET STREQUAL "")
  set(SPHERULE_TARGET "${SPHERULE_CONFIGURED_TARGET}")
endif()
if(SPHERULE_TARGET STREQUAL "")
  set(SPHERULE_TARGET native)
endif()
if(NOT SPHERULE_TARGET MATCHES "^(native|arm)$")
  message(FATAL_ERROR "There is no SPHERULE_TARGET '${SPHERULE_TARGET}'. The targets are native and arm.")
endif()
# A build folder keeps its processor: half of what is in it would stay for the other one.
if(SPHERULE_CONFIGURED_TARGET AND NOT SPHERULE_CONFIGURED_TARGET STREQUAL SPHERULE_TARGET)
  message(FATAL_ERROR "This build folder is for SPHERULE_TARGET '${SPHERULE_CONFIGURED_TARGET}', not "
    "'${SPHERULE_TARGET}'. Remove it, or build in another one (cmake --preset NAME -B FOLDER).")
endif()
set(SPHERULE_CONFIGURED_TARGET "${SPHERULE_TARGET}" CACHE INTERNAL "The processor of this build folder")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SPHERULE_TARGET)
include("${CMAKE_CURRENT_LIST_DIR}/spherule-${SPHERULE_TARGET}.cmake")
