# The name that app projects know: $env{AzureSphereDefaultSDKDir}/CMakeFiles/AzureSphereToolchain.cmake
include("${CMAKE_CURRENT_LIST_DIR}/spherule-native.cmake")
