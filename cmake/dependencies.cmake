# Finds what lunawire is built from, and says what to do where something is missing.

find_package(PkgConfig QUIET)

# lw_find_library(NAME [HINT name] PACKAGE pc HEADER h LIBRARIES l... INSTALL text) makes the target
# lw::NAME. The variables <HINT>_INCDIR, <HINT>_LIBDIR and <HINT>_DIR, which LuaRocks and people set,
# win over pkg-config. HINT is NAME when not given. With OPTIONAL there is no target when it is missing.
function(lw_find_library name)
  cmake_parse_arguments(arg "OPTIONAL" "HINT;PACKAGE;HEADER;INSTALL" "LIBRARIES" ${ARGN})
  if(NOT arg_HINT)
    set(arg_HINT ${name})
  endif()
  set(given ${${arg_HINT}_DIR} ${${arg_HINT}_INCDIR} ${${arg_HINT}_LIBDIR})

  if(PkgConfig_FOUND AND NOT given)
    pkg_check_modules(PC_${name} QUIET ${arg_PACKAGE})
  endif()
  find_path(${name}_HEADER_DIR ${arg_HEADER}
    HINTS ${${arg_HINT}_INCDIR} ${${arg_HINT}_DIR} ${PC_${name}_INCLUDE_DIRS}
    PATHS /opt/homebrew /opt/homebrew/opt/openssl@3 /usr/local/opt/openssl@3
    PATH_SUFFIXES include)
  find_library(${name}_LIBRARY_FILE ${arg_LIBRARIES}
    HINTS ${${arg_HINT}_LIBDIR} ${${arg_HINT}_DIR} ${PC_${name}_LIBRARY_DIRS}
    PATHS /opt/homebrew /opt/homebrew/opt/openssl@3 /usr/local/opt/openssl@3
    PATH_SUFFIXES lib)

  if(NOT ${name}_HEADER_DIR OR NOT ${name}_LIBRARY_FILE)
    if(arg_OPTIONAL)
      return()
    endif()
    message(FATAL_ERROR "lunawire needs ${arg_PACKAGE} (${arg_HEADER}) and did not find it.\n"
      "Install ${arg_INSTALL}, or say where it is: "
      "cmake -D${arg_HINT}_DIR=/prefix, luarocks ${arg_HINT}_DIR=/prefix.")
  endif()

  add_library(lw::${name} INTERFACE IMPORTED)
  target_include_directories(lw::${name} SYSTEM INTERFACE ${${name}_HEADER_DIR})
  target_link_libraries(lw::${name} INTERFACE ${${name}_LIBRARY_FILE})
endfunction()

# lw_find_lua(engine) makes lw::LUA, headers only, and sets LW_LUA_VERSION. A module must not link
# liblua: the interpreter that loads it exports the API. LUA_INCDIR, from LuaRocks, wins.
function(lw_find_lua engine)
  if(NOT LUA_INCDIR AND PkgConfig_FOUND)
    string(REPLACE "lua5" "lua-5" dashed ${engine})
    string(REPLACE "lua5." "lua5" joined ${engine})
    pkg_search_module(PC_LUA QUIET ${engine} ${dashed} ${joined})
  endif()
  # Looked for each time: LuaRocks may use one tree for several Luas.
  unset(lua_header_dir CACHE)
  find_path(lua_header_dir lauxlib.h HINTS ${LUA_INCDIR} ${PC_LUA_INCLUDE_DIRS}
    PATHS /usr/include/${engine} /usr/local/include/${engine} /opt/homebrew/include/${engine}
    NO_DEFAULT_PATH)
  if(NOT lua_header_dir)
    message(FATAL_ERROR "lunawire found no headers of ${engine}.\n"
      "Install them (Debian: liblua5.1-0-dev, liblua5.2-dev, liblua5.3-dev, "
      "liblua5.4-dev or libluajit-5.1-dev), or say where they are: cmake -DLUA_INCDIR=/path.")
  endif()

  file(STRINGS ${lua_header_dir}/lua.h version_lines REGEX "define[ \t]+LUA_VERSION_(NUM|M)")
  string(REGEX MATCH "LUA_VERSION_NUM[ \t]+50([0-9])" ignored "${version_lines}")
  set(LW_LUA_VERSION 5.${CMAKE_MATCH_1} PARENT_SCOPE)
  message(STATUS "Lua 5.${CMAKE_MATCH_1} headers: ${lua_header_dir}")

  add_library(lw::LUA INTERFACE IMPORTED)
  target_include_directories(lw::LUA SYSTEM INTERFACE ${lua_header_dir})
endfunction()
