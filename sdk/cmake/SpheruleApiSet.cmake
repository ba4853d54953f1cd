# Which set of APIs an app is built for: a folder of Sysroots/.

# Sorts the sets installed; ret_lts gets the plain numbers, ret_beta the ones with +Beta.
function(_spherule_installed_api_sets ret_lts ret_beta)
  file(GLOB names RELATIVE "${SPHERULE_SDK_DIR}/Sysroots" "${SPHERULE_SDK_DIR}/Sysroots/*")
  list(SORT names COMPARE NATURAL)
  set(beta "${names}")
  list(FILTER names INCLUDE REGEX "^[0-9]+$")
  list(FILTER beta INCLUDE REGEX "^[0-9]+\\+Beta[0-9]+$")
  set(${ret_lts} "${names}" PARENT_SCOPE)
  set(${ret_beta} "${beta}" PARENT_SCOPE)
endfunction()

# The environment comes before the cache, and the newest set without Beta when neither says anything.
function(_spherule_resolve_api_set ret_set)
  set(wanted "$ENV{AzureSphereTargetApiSet}")
  if(wanted STREQUAL "")
    set(wanted "${AZURE_SPHERE_TARGET_API_SET}")
  endif()
  if(wanted STREQUAL "")
    set(wanted latest-lts)
  endif()

  _spherule_installed_api_sets(lts beta)
  set(found "")
  if(wanted STREQUAL "latest-lts" AND lts)
    list(GET lts -1 found)
  elseif(wanted STREQUAL "latest-beta" AND beta)
    list(GET beta -1 found)
  elseif(wanted IN_LIST lts OR wanted IN_LIST beta)
    set(found "${wanted}")
  endif()
  if(found STREQUAL "")
    list(JOIN lts " " shown)
    list(JOIN beta " " shown_beta)
    message(FATAL_ERROR "The Target API Set '${wanted}' is not installed in ${SPHERULE_SDK_DIR}. "
      "Installed: ${shown} ${shown_beta}. Set AZURE_SPHERE_TARGET_API_SET to one of them, or to "
      "latest-lts.")
  endif()
  set(${ret_set} "${found}" PARENT_SCOPE)
endfunction()
