# The step from a linked program to an image package. A custom command with its own output rather than
# one after the link: a changed manifest or resource then makes a new package without a relink.
function(_spherule_pack target manifest debug_lib)
  set(root "${CMAKE_CURRENT_BINARY_DIR}/approot${target}")
  set(package "${CMAKE_CURRENT_BINARY_DIR}/${target}.imagepackage")
  set_target_properties(${target} PROPERTIES SUFFIX .out SPHERULE_PACKAGE "${package}")

  set(copies "")
  set(inputs "${manifest}")
  foreach(file IN LISTS ARGN)
    get_filename_component(folder "${root}/${file}" DIRECTORY)
    list(APPEND copies
      COMMAND "${CMAKE_COMMAND}" -E make_directory "${folder}"
      COMMAND "${CMAKE_COMMAND}" -E copy "${CMAKE_CURRENT_SOURCE_DIR}/${file}" "${root}/${file}")
    list(APPEND inputs "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  endforeach()
  if(debug_lib)
    list(APPEND copies
      COMMAND "${CMAKE_COMMAND}" -E copy "${debug_lib}" "${root}/libmalloc.so.0")
    list(APPEND inputs "${debug_lib}")
  endif()

  set(hardware "")
  get_target_property(definition ${target} SPHERULE_HARDWARE_DEFINITION)
  if(definition)
    get_target_property(folders ${target} SPHERULE_HARDWARE_FOLDERS)
    get_target_property(file ${target} SPHERULE_HARDWARE_FILE)
    list(JOIN folders "," folders)
    set(hardware --hardware-definitions "${folders}" --target-definition-filename "${definition}")
    list(APPEND inputs "${file}")
  endif()

  add_custom_command(OUTPUT "${package}"
    COMMAND "${CMAKE_COMMAND}" -E rm -rf "${root}"
    COMMAND "${CMAKE_COMMAND}" -E make_directory "${root}/bin"
    COMMAND "${CMAKE_COMMAND}" -E copy "${manifest}" "${root}/app_manifest.json"
    COMMAND "${CMAKE_STRIP}" --strip-unneeded -o "${root}/bin/app" "$<TARGET_FILE:${target}>"
    ${copies}
    COMMAND "${SPHERULE_PROGRAM}" image-package pack-application --verbose
      --application-manifest "${manifest}" --package-directory "${root}"
      --destination "${package}" --target-api-set "${SPHERULE_API_SET}" ${hardware}
    DEPENDS ${target} ${inputs} "${SPHERULE_PROGRAM}"
    COMMENT "Packing ${target}.imagepackage"
    VERBATIM)
  set(name MakeImage)
  if(TARGET MakeImage)
    set(name MakeImage-${target})
  endif()
  add_custom_target(${name} ALL DEPENDS "${package}")
endfunction()
