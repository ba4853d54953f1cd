# The functions that an app's CMakeLists.txt calls, and the libraries that it names.
# The libraries are only ever linked by the plain form of target_link_libraries(): apps use that form,
# and CMake lets no target mix it with the keyword form.

# Unset when the file comes from find_package() in a project that has not got the toolchain file.
if(NOT SPHERULE_API_SET)
  include("${CMAKE_CURRENT_LIST_DIR}/SpheruleApiSet.cmake")
  _spherule_resolve_api_set(SPHERULE_API_SET)
  set(SPHERULE_SYSROOT "${SPHERULE_SDK_DIR}/Sysroots/${SPHERULE_API_SET}")
  set(SPHERULE_LIBRARIES "${SPHERULE_SYSROOT}/usr/lib")
endif()

set(SPHERULE_PROGRAM "${SPHERULE_PREFIX}/bin/spherule" CACHE FILEPATH
  "The spherule command, which makes the image package")

# libc comes with the compiler and libgcc is static, so that an app does not load a library (and hold
# a page of its ration) for functions that it never calls; the two names are accepted for the sake of
# the usual target_link_libraries(app applibs gcc_s c).
foreach(name applibs gcc_s c)
  if(NOT TARGET ${name})
    add_library(${name} INTERFACE IMPORTED GLOBAL)
  endif()
endforeach()
set_target_properties(applibs PROPERTIES
  INTERFACE_LINK_LIBRARIES "${SPHERULE_LIBRARIES}/libapplibs.so.0"
  INTERFACE_INCLUDE_DIRECTORIES "${SPHERULE_SYSROOT}/usr/include")

set(_SPHERULE_TOOLS_REVISIONS
  20.04 20.07 20.10 20.11 21.01 21.02 21.04 21.07 21.10 22.02 22.07 22.09 22.11 23.05)

# azsphere_configure_tools(TOOLS_REVISION "22.11")
function(azsphere_configure_tools)
  cmake_parse_arguments(arg "" "TOOLS_REVISION" "" ${ARGN})
  _spherule_refuse_unknown(azsphere_configure_tools)
  if(NOT DEFINED arg_TOOLS_REVISION)
    message(FATAL_ERROR "azsphere_configure_tools missing TOOLS_REVISION argument")
  endif()
  if(NOT arg_TOOLS_REVISION IN_LIST _SPHERULE_TOOLS_REVISIONS)
    list(JOIN _SPHERULE_TOOLS_REVISIONS " " shown)
    message(FATAL_ERROR "TOOLS_REVISION '${arg_TOOLS_REVISION}' is an unsupported tools version. "
      "Supported: ${shown}.")
  endif()
  foreach(old AZURE_SPHERE_TARGET_HARDWARE_DEFINITION
              AZURE_SPHERE_TARGET_HARDWARE_DEFINITION_DIRECTORY)
    if(DEFINED ${old})
      message(FATAL_ERROR "${old} is set, which tools before 20.04 used. Remove it from "
        "CMakePresets.json or CMakeSettings.json and call azsphere_target_hardware_definition() in "
        "CMakeLists.txt.")
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY SPHERULE_TOOLS_REVISION "${arg_TOOLS_REVISION}")
endfunction()

# azsphere_configure_api(TARGET_API_SET "15")
function(azsphere_configure_api)
  cmake_parse_arguments(arg "" "TARGET_API_SET" "" ${ARGN})
  _spherule_refuse_unknown(azsphere_configure_api)
  if(NOT DEFINED arg_TARGET_API_SET)
    message(FATAL_ERROR "azsphere_configure_api missing TARGET_API_SET argument")
  endif()
  if(NOT arg_TARGET_API_SET MATCHES "^[0-9]+(\\+Beta[0-9][0-9][0-9][0-9])?$")
    message(FATAL_ERROR "TARGET_API_SET '${arg_TARGET_API_SET}' is neither a number such as \"15\" "
      "nor a number with a Beta such as \"16+Beta2305\"")
  endif()
  if(NOT arg_TARGET_API_SET STREQUAL SPHERULE_API_SET)
    message(FATAL_ERROR "CMakeLists.txt asks for TARGET_API_SET '${arg_TARGET_API_SET}', but this "
      "build uses '${SPHERULE_API_SET}'. Set AZURE_SPHERE_TARGET_API_SET to "
      "'${arg_TARGET_API_SET}' in CMakePresets.json and remove the build folder, or change "
      "TARGET_API_SET in CMakeLists.txt to '${SPHERULE_API_SET}'.")
  endif()
  set_property(GLOBAL PROPERTY SPHERULE_API_IS_CONFIGURED ON)
endfunction()

# azsphere_target_hardware_definition(target [TARGET_DIRECTORY dir…] TARGET_DEFINITION file.json)
function(azsphere_target_hardware_definition target)
  cmake_parse_arguments(arg "" "TARGET_DEFINITION" "TARGET_DIRECTORY" ${ARGN})
  _spherule_refuse_unknown(azsphere_target_hardware_definition)
  _spherule_require_target(azsphere_target_hardware_definition "${target}")
  if(NOT arg_TARGET_DEFINITION)
    message(FATAL_ERROR
      "azsphere_target_hardware_definition missing TARGET_DEFINITION argument")
  endif()
  get_target_property(package ${target} SPHERULE_PACKAGE)
  if(package)
    message(FATAL_ERROR "azsphere_target_hardware_definition(${target}) comes too late: call it "
      "before azsphere_target_add_image_package(${target}).")
  endif()

  set(folders "")
  foreach(folder IN LISTS arg_TARGET_DIRECTORY)
    get_filename_component(path "${folder}" ABSOLUTE)
    if(NOT IS_DIRECTORY "${path}")
      message(FATAL_ERROR "TARGET_DIRECTORY '${folder}' does not exist (looked for ${path})")
    endif()
    if(NOT IS_DIRECTORY "${path}/inc/hw")
      message(FATAL_ERROR "TARGET_DIRECTORY '${folder}' has no folder inc/hw, so it is no hardware "
        "definition")
    endif()
    list(APPEND folders "${path}")
  endforeach()
  list(APPEND folders "${SPHERULE_SDK_DIR}/HardwareDefinitions")

  set(definition "")
  foreach(folder IN LISTS folders)
    if(EXISTS "${folder}/${arg_TARGET_DEFINITION}" AND NOT definition)
      set(definition "${folder}/${arg_TARGET_DEFINITION}")
    endif()
    target_include_directories(${target} SYSTEM PUBLIC "${folder}/inc")
  endforeach()
  if(NOT definition)
    list(JOIN folders ", " shown)
    message(FATAL_ERROR "TARGET_DEFINITION '${arg_TARGET_DEFINITION}' is in none of: ${shown}")
  endif()
  set_target_properties(${target} PROPERTIES
    SPHERULE_HARDWARE_FOLDERS "${folders}"
    SPHERULE_HARDWARE_FILE "${definition}"
    SPHERULE_HARDWARE_DEFINITION "${arg_TARGET_DEFINITION}")
endfunction()

# azsphere_target_add_image_package(target [APP_MANIFEST file] [DEBUG_LIB "libmalloc"]
#                                   [RESOURCE_FILES file…])
function(azsphere_target_add_image_package target)
  cmake_parse_arguments(arg "" "APP_MANIFEST;DEBUG_LIB" "RESOURCE_FILES" ${ARGN})
  _spherule_refuse_unknown(azsphere_target_add_image_package)
  _spherule_require_target(azsphere_target_add_image_package "${target}")
  get_property(revision GLOBAL PROPERTY SPHERULE_TOOLS_REVISION)
  get_property(is_configured GLOBAL PROPERTY SPHERULE_API_IS_CONFIGURED)
  if(revision AND NOT is_configured)
    message(FATAL_ERROR "azsphere_configure_api must be called after azsphere_configure_tools")
  endif()

  if(NOT arg_APP_MANIFEST)
    set(arg_APP_MANIFEST app_manifest.json)
  endif()
  get_filename_component(manifest "${arg_APP_MANIFEST}" ABSOLUTE)
  _spherule_check_manifest("${manifest}")
  _spherule_check_resources(${arg_RESOURCE_FILES})
  _spherule_find_debug_lib("${arg_DEBUG_LIB}" debug_lib)
  _spherule_warn_half_of_heap_stats("${manifest}" "${debug_lib}")
  _spherule_pack(${target} "${manifest}" "${debug_lib}" ${arg_RESOURCE_FILES})
endfunction()

include("${CMAKE_CURRENT_LIST_DIR}/SpheruleManifest.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/SpherulePackage.cmake")
