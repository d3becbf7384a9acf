/* Files, for lunawire/files.lua and lunawire/form.lua: what is below a directory, and temporary
 * files. Each function that starts something takes a function to call with what came of it. */
#include <string.h>

#include "../../core/lunawire_file.h"
#include "binding.h"

#define METATABLE "lunawire.file"

typedef struct lua_file {
  lw_file *file; /* NULL once it is closed */
} lua_file;

/* What is under way: the function to call, and what has to stay until then. A userdata that the
 * registry keeps, because a loop that is freed meanwhile makes no call. */
typedef struct pending {
  lw_lua *lua;
  int self, function, data;
} pending;

static pending *pending_new(lua_State *L, int function) {
  lw_lua *lua = lw__lua(L);
  luaL_checktype(L, function, LUA_TFUNCTION);
  pending *p = lua_newuserdata(L, sizeof *p);
  *p = (pending){.lua = lua, .function = LUA_NOREF, .data = LUA_NOREF};
  p->self = lw__ref(lua, L);
  lua_pushvalue(L, function);
  p->function = lw__ref(lua, L);
  return p;
}

static void forget(pending *p) {
  lw__unref(p->lua, &p->data);
  lw__unref(p->lua, &p->function);
  lw__unref(p->lua, &p->self);
}

/* Calls the function with what `body` does with it; the pending is gone then. */
static void call(pending *p, void (*body)(lua_State *L, void *context), void *context) {
  lw_lua *lua = p->lua;
  if (!lw__call(lua, body, context)) lw__report(lua);
}

/* Pushes the function and forgets the pending. */
static void push_function(lua_State *L, pending *p) {
  lw__push_ref(L, p->function);
  forget(p);
}

/* --- file objects --- */

static void push_file(lua_State *L, lw_file *file) {
  lua_file *f = lua_newuserdata(L, sizeof *f);
  f->file = file;
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
}

static lw_file *check_file(lua_State *L) {
  lua_file *f = luaL_checkudata(L, 1, METATABLE);
  if (f->file == NULL) luaL_error(L, "this file is closed");
  return f->file;
}

static int file_close(lua_State *L) {
  lua_file *f = luaL_checkudata(L, 1, METATABLE);
  if (f->file != NULL) lw_file_close(f->file);
  f->file = NULL;
  return 0;
}

static int file_finish(lua_State *L) {
  lw_file_finish(check_file(L));
  return 0;
}

static int file_keep(lua_State *L) {
  lw_file_keep(check_file(L));
  return 0;
}

static int file_path(lua_State *L) {
  lua_pushstring(L, lw_file_path(check_file(L)));
  return 1;
}

/* --- results --- */

typedef struct result {
  pending *p;
  lw_file_found *found;
  lw_file *file;
  const char *names;
  size_t count;
  const lw_failure *failure;
} result;

/* fn(nil, message, code), when it failed. */
static bool push_if_failed(lua_State *L, const result *r) {
  push_function(L, r->p);
  if (r->failure == NULL) return false;
  lw__push_failure(L, r->failure->message, r->failure->code);
  lua_call(L, 3, 0);
  return true;
}

static void set_number(lua_State *L, const char *name, int64_t number) {
  lua_pushinteger(L, (lua_Integer)number);
  lua_setfield(L, -2, name);
}

static void push_found(lua_State *L, lw_file_found *found) {
  const lw_file_facts *facts = &found->facts;
  lua_createtable(L, 0, 7);
  set_number(L, "size", (int64_t)facts->size);
  set_number(L, "modified", facts->modified_s);
  set_number(L, "modified_ns", facts->modified_ns);
  lua_pushboolean(L, facts->is_directory);
  lua_setfield(L, -2, "is_directory");
  lua_pushboolean(L, found->is_unchanged);
  lua_setfield(L, -2, "is_unchanged");
  lua_pushlstring(L, (const char *)facts, sizeof *facts);
  lua_setfield(L, -2, "stamp");
  if (found->data != NULL) {
    lua_pushlstring(L, found->data, (size_t)facts->size);
    lua_setfield(L, -2, "content");
  }
  if (found->file == NULL) return;
  push_file(L, found->file);
  found->file = NULL;
  lua_setfield(L, -2, "file");
}

static void opened_body(lua_State *L, void *context) {
  const result *r = context;
  if (push_if_failed(L, r)) return;
  push_found(L, r->found);
  lua_call(L, 1, 0);
}

static void on_opened(void *context, lw_file_found *found, const lw_failure *failure) {
  call(context, opened_body, &(result){.p = context, .found = found, .failure = failure});
  if (found != NULL && found->file != NULL) lw_file_close(found->file); /* no memory for it */
}

static void listed_body(lua_State *L, void *context) {
  const result *r = context;
  if (push_if_failed(L, r)) return;
  const char *name = r->names;
  lua_createtable(L, (int)r->count, 0);
  for (size_t i = 0; i < r->count; i++) {
    lua_pushstring(L, name);
    lua_rawseti(L, -2, (int)i + 1);
    name += strlen(name) + 1;
  }
  lua_call(L, 1, 0);
}

static void on_listed(void *context, const char *names, size_t count, const lw_failure *failure) {
  result r = {.p = context, .names = names, .count = count, .failure = failure};
  call(context, listed_body, &r);
}

static void created_body(lua_State *L, void *context) {
  result *r = context;
  if (push_if_failed(L, r)) return;
  push_file(L, r->file);
  r->file = NULL;
  lua_call(L, 1, 0);
}

static void on_created(void *context, lw_file *file, const lw_failure *failure) {
  result r = {.p = context, .file = file, .failure = failure};
  call(context, created_body, &r);
  if (r.file != NULL) lw_file_close(r.file); /* no memory for it */
}

static void done_body(lua_State *L, void *context) {
  const result *r = context;
  if (push_if_failed(L, r)) return;
  lua_pushboolean(L, 1);
  lua_call(L, 1, 0);
}

static void on_done(void *context, const lw_failure *failure) {
  call(context, done_body, &(result){.p = context, .failure = failure});
}

/* --- starting --- */

static int started(lua_State *L, bool is_started, pending *p) {
  if (is_started) return 0;
  forget(p);
  return luaL_error(L, "the file is in use, or memory is short");
}

static lw_file_place check_place(lua_State *L) {
  return (lw_file_place){luaL_checkstring(L, 1), luaL_checkstring(L, 2)};
}

static int is_directory(lua_State *L) {
  lua_pushboolean(L, lw_file_is_directory(luaL_checkstring(L, 1)));
  return 1;
}

/* file_open(root, name, whole_max, stamp, fn) */
static int file_open(lua_State *L) {
  lw_file_place place = check_place(L);
  lua_Number whole_max = luaL_checknumber(L, 3);
  size_t size = 0;
  const char *stamp = luaL_optlstring(L, 4, NULL, &size);
  lw_file_facts known;
  luaL_argcheck(L, stamp == NULL || size == sizeof known, 4, "not a stamp");
  if (stamp != NULL) memcpy(&known, stamp, sizeof known);
  pending *p = pending_new(L, 5);
  bool is_started = lw_file_open(p->lua->loop, &place, (uint64_t)whole_max,
                                 stamp != NULL ? &known : NULL, on_opened, p);
  return started(L, is_started, p);
}

/* file_list(root, name, fn) */
static int file_list(lua_State *L) {
  lw_file_place place = check_place(L);
  pending *p = pending_new(L, 3);
  return started(L, lw_file_list(p->lua->loop, &place, on_listed, p), p);
}

/* file_create(directory, fn) */
static int file_create(lua_State *L) {
  lw_failure failure;
  const char *directory = luaL_optstring(L, 1, NULL);
  pending *p = pending_new(L, 2);
  if (lw_file_create(p->lua->loop, directory, on_created, p, &failure)) return 0;
  forget(p);
  return luaL_error(L, "%s", failure.message);
}

/* file:write(data, fn) */
static int file_write(lua_State *L) {
  size_t size;
  lw_file *file = check_file(L);
  const char *data = luaL_checklstring(L, 2, &size);
  pending *p = pending_new(L, 3);
  lua_pushvalue(L, 2);
  p->data = lw__ref(p->lua, L);
  return started(L, lw_file_write(file, data, size, on_done, p), p);
}

/* file:move(path, fn) */
static int file_move(lua_State *L) {
  lw_file *file = check_file(L);
  const char *path = luaL_checkstring(L, 2);
  pending *p = pending_new(L, 3);
  return started(L, lw_file_move(file, path, on_done, p), p);
}

/* answer_file(conn, file, offset, size): the body of the answer that was begun, and its end */
static int answer_file(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  lua_file *f = luaL_checkudata(L, 2, METATABLE);
  uint64_t offset = (uint64_t)luaL_checknumber(L, 3), size = (uint64_t)luaL_checknumber(L, 4);
  if (f->file == NULL) return luaL_error(L, "this file is closed");
  lw_file *file = f->file;
  f->file = NULL;
  lua_pushboolean(L, lw_conn_answer_file(c->conn, file, offset, size));
  return 1;
}

void lw__open_file(lua_State *L, int lua) {
  static const luaL_Reg methods[] = {
      {"write", file_write}, {"move", file_move}, {"close", file_close}, {"finish", file_finish},
      {"keep", file_keep},   {"path", file_path}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"file_open", file_open},       {"file_list", file_list},
                                       {"file_create", file_create},   {"answer_file", answer_file},
                                       {"is_directory", is_directory}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, file_close);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, methods, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
