# The layer table (docs/ARCHITECTURE.md, section "Layers") and the functions that enforce it.
# A link that the table forbids fails in sph_layer()/sph_program(); an include that it or the table
# of parts forbids fails in sph_check_includes(), which runs at every configure and again as the
# test `layers`.
cmake_policy(VERSION 3.25)
set(SPH_LAYERS base wire package meter agent profile gateway cli applibs libmalloc)
set(SPH_MAY_USE_base "")
set(SPH_MAY_USE_wire base)
set(SPH_MAY_USE_package base)
set(SPH_MAY_USE_meter base)
set(SPH_MAY_USE_agent base wire package meter)
set(SPH_MAY_USE_profile base wire)
set(SPH_MAY_USE_gateway base wire package profile)
set(SPH_MAY_USE_cli base package profile)
set(SPH_MAY_USE_applibs wire)
set(SPH_MAY_USE_libmalloc base wire)

# Parts of a layer: folders in its folder (which is "."), lowest first. A part may include those
# before it. Tests stand beside their source, and may include all of their layer.
set(SPH_PARTS_agent machine store process device storage trace install app requests . tests)
set(SPH_PARTS_gateway machine link access rest simulated serve .)
set(SPH_PARTS_cli text syntax frame image device report . commands)

function(_sph_check_uses layer)
  foreach(used IN LISTS ARGN)
    if(NOT used STREQUAL layer AND NOT used IN_LIST SPH_MAY_USE_${layer})
      message(FATAL_ERROR "layer ${layer} may not use ${used}: see docs/ARCHITECTURE.md, Layers")
    endif()
  endforeach()
endfunction()

# sph_layer(NAME SOURCES f.c… [USES layer…] [LIBS external…])
# A static library sph_NAME from src/NAME, linked to the layers it uses and to outside libraries.
function(sph_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LIBS" ${ARGN})
  _sph_check_uses(${name} ${arg_USES})
  add_library(sph_${name} STATIC ${arg_SOURCES})
  target_link_libraries(sph_${name} PUBLIC sph::flags)
  foreach(used IN LISTS arg_USES)
    target_link_libraries(sph_${name} PUBLIC sph_${used})
  endforeach()
  target_link_libraries(sph_${name} PUBLIC ${arg_LIBS})
endfunction()

# sph_program(NAME LAYER layer SOURCES f.c… [LIBS external…] [STATIC])
# A program of that layer. STATIC links it statically where the build allows it.
function(sph_program name)
  cmake_parse_arguments(arg "STATIC" "LAYER" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sph_${arg_LAYER} ${arg_LIBS})
  if(arg_STATIC AND SPH_STATIC_AGENT)
    target_link_options(${name} PRIVATE -static)
  endif()
endfunction()

# The place of a path like layer/part/name.h among its layer's parts.
function(_sph_part_of layer path ret_place)
  get_filename_component(folder "${path}" DIRECTORY)
  string(REGEX REPLACE "^${layer}/?" "" part "${folder}")
  if(part STREQUAL "")
    set(part ".")
  endif()
  list(FIND SPH_PARTS_${layer} "${part}" place)
  set(${ret_place} ${place} PARENT_SCOPE)
endfunction()

function(_sph_check_part layer shown line)
  string(REGEX REPLACE "^src/" "" path "${shown}")
  string(REGEX REPLACE ".*\"([a-z_/0-9]+\\.h)\".*" "\\1" included "${line}")
  _sph_part_of(${layer} "${path}" mine)
  _sph_part_of(${layer} "${included}" other)
  if(mine EQUAL -1 OR other EQUAL -1)
    message(FATAL_ERROR "${shown}: a part of ${layer} that SPH_PARTS_${layer} does not name")
  elseif(other GREATER mine AND NOT shown MATCHES "_(test|fuzz|testing)\\.[ch]$")
    message(FATAL_ERROR "${shown}: may not include ${included}, a part above it: "
      "see docs/ARCHITECTURE.md, Layers")
  endif()
endfunction()

# Fails on any #include "layer/…" that the tables forbid, whoever wrote it and whatever links it.
function(sph_check_includes root)
  foreach(layer IN LISTS SPH_LAYERS)
    file(GLOB_RECURSE files "${root}/src/${layer}/*.c" "${root}/src/${layer}/*.h")
    foreach(file IN LISTS files)
      file(RELATIVE_PATH shown "${root}" "${file}")
      file(STRINGS "${file}" includes REGEX "^[ \t]*#[ \t]*include[ \t]+\"[a-z_]+/")
      foreach(line IN LISTS includes)
        string(REGEX REPLACE ".*\"([a-z_]+)/.*" "\\1" used "${line}")
        if(used IN_LIST SPH_LAYERS AND NOT used STREQUAL layer
           AND NOT used IN_LIST SPH_MAY_USE_${layer})
          message(FATAL_ERROR "${shown}: layer ${layer} may not include ${used}/: "
            "see docs/ARCHITECTURE.md, Layers")
        elseif(used STREQUAL layer AND DEFINED SPH_PARTS_${layer})
          _sph_check_part(${layer} "${shown}" "${line}")
        endif()
      endforeach()
    endforeach()
  endforeach()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE) # cmake -DROOT=… -P SphLayers.cmake: the test `layers`
  sph_check_includes("${ROOT}")
else()
  sph_check_includes("${PROJECT_SOURCE_DIR}")
endif()
