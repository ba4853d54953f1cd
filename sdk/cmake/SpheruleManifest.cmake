# Checks of what is given to azsphere_target_add_image_package(): each ends the configure with one
# sentence that says what to change.

# For a caller that has parsed its arguments into arg_….
macro(_spherule_refuse_unknown function)
  if(arg_UNPARSED_ARGUMENTS)
    list(JOIN arg_UNPARSED_ARGUMENTS " " shown)
    message(FATAL_ERROR "${function} was called with unknown arguments: ${shown}")
  endif()
  if(arg_KEYWORDS_MISSING_VALUES)
    list(JOIN arg_KEYWORDS_MISSING_VALUES " " shown)
    message(FATAL_ERROR "${function} was called without a value after: ${shown}")
  endif()
endmacro()

function(_spherule_require_target function target)
  if(NOT TARGET "${target}")
    message(FATAL_ERROR "${function}: there is no target '${target}'; call add_executable() first")
  endif()
  get_target_property(type "${target}" TYPE)
  if(NOT type STREQUAL "EXECUTABLE")
    message(FATAL_ERROR "${function}: the target '${target}' is no executable")
  endif()
endfunction()

# An empty ComponentId is a new app: it gets its identity here and keeps it, in the developer's file.
function(_spherule_give_component_id manifest text)
  file(READ /proc/sys/kernel/random/uuid id)
  string(STRIP "${id}" id)
  string(REGEX REPLACE "(\"ComponentId\"[ \t\r\n]*:[ \t\r\n]*)\"\"" "\\1\"${id}\"" changed "${text}")
  file(WRITE "${manifest}" "${changed}")
  message(STATUS "The app has no ComponentId yet: wrote ${id} into ${manifest}")
endfunction()

function(_spherule_check_manifest manifest)
  if(NOT EXISTS "${manifest}" OR IS_DIRECTORY "${manifest}")
    message(FATAL_ERROR "The application manifest ${manifest} does not exist. Create it, or name "
      "another one with APP_MANIFEST.")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${manifest}")
  file(READ "${manifest}" text)
  string(JSON type ERROR_VARIABLE error TYPE "${text}")
  if(error OR NOT type STREQUAL "OBJECT")
    message(FATAL_ERROR "The application manifest ${manifest} is not a JSON object: ${error}")
  endif()

  string(JSON type ERROR_VARIABLE error TYPE "${text}" ComponentId)
  if(error OR NOT type STREQUAL "STRING")
    message(FATAL_ERROR "The application manifest ${manifest} has no string ComponentId. Write "
      "\"ComponentId\": \"\" to get a new one.")
  endif()
  string(JSON id GET "${text}" ComponentId)
  if(id STREQUAL "")
    _spherule_give_component_id("${manifest}" "${text}")
    return()
  endif()
  string(REPEAT "[0-9A-Fa-f]" 4 four)
  if(NOT id MATCHES "^${four}${four}-${four}-${four}-${four}-${four}${four}${four}$")
    message(FATAL_ERROR "The ComponentId '${id}' in ${manifest} is not a GUID such as "
      "1689d8b2-c835-2e27-27ad-e894d6d15fa9. Correct it, or write \"\" to get a new one; a new one "
      "makes it another app, which does not update the old one.")
  endif()
endfunction()

# A path keeps its folder inside the package, so it must not lead out of the source folder.
function(_spherule_check_resources)
  foreach(file IN LISTS ARGN)
    if(IS_ABSOLUTE "${file}")
      message(FATAL_ERROR "RESOURCE_FILES must be relative paths, but '${file}' is absolute")
    endif()
    if(file MATCHES "(^|/)\\.\\.(/|$)")
      message(FATAL_ERROR "RESOURCE_FILES must lie in the project's folder, but '${file}' leads out "
        "of it")
    endif()
    if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${file}" OR
       IS_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
      message(FATAL_ERROR "RESOURCE_FILES: there is no file '${file}' in "
        "${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
  endforeach()
endfunction()

# The path of the library that DEBUG_LIB names; empty when it names none.
function(_spherule_find_debug_lib name ret_path)
  set(${ret_path} "" PARENT_SCOPE)
  if(name STREQUAL "")
    return()
  endif()
  if(NOT name STREQUAL "libmalloc")
    message(FATAL_ERROR "The resource library should be libmalloc")
  endif()
  string(REGEX MATCH "^[0-9]+" number "${SPHERULE_API_SET}")
  if(number LESS 10)
    message(FATAL_ERROR "The project is configured with DEBUG_LIB: libmalloc which is not available "
      "in the selected Target API Set. Please select version 10 or later in the CMakeLists.txt")
  endif()
  set(path "${SPHERULE_LIBRARIES}/libmalloc.so.0")
  if(NOT EXISTS "${path}")
    message(FATAL_ERROR "DEBUG_LIB \"libmalloc\" needs ${path}, which this SDK does not have. Remove "
      "DEBUG_LIB from azsphere_target_add_image_package() in CMakeLists.txt.")
  endif()
  set(${ret_path} "${path}" PARENT_SCOPE)
endfunction()

# Heap statistics need both halves; one alone builds and runs, but shows nothing.
function(_spherule_warn_half_of_heap_stats manifest debug_lib)
  file(READ "${manifest}" text)
  string(JSON wants_stats ERROR_VARIABLE error GET "${text}" Capabilities HeapMemStats)
  if(error)
    set(wants_stats OFF)
  endif()
  if(wants_stats AND NOT debug_lib)
    message(WARNING "HeapMemStats is true in ${manifest}, but DEBUG_LIB \"libmalloc\" is missing in "
      "azsphere_target_add_image_package() in ${CMAKE_CURRENT_LIST_FILE}: heap memory will not be "
      "shown. Add it there, or remove HeapMemStats.")
  elseif(debug_lib AND NOT wants_stats)
    message(WARNING "DEBUG_LIB \"libmalloc\" is set in ${CMAKE_CURRENT_LIST_FILE}, but the capability "
      "\"HeapMemStats\": true is missing in ${manifest}: heap memory will not be shown. Add it "
      "there, or remove DEBUG_LIB.")
  endif()
endfunction()
