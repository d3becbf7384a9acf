/* Compression for ws.protocol: reading its tables, and negotiation for scripts. */
#ifndef LW_LUA_PROTOCOL_DEFLATE_H
#define LW_LUA_PROTOCOL_DEFLATE_H

#include <lua.h>

#include "../../core/proto/session.h"

/* What a session with `deflate = {...}` needs; must outlive the session. All zero: no compression.
 */
typedef struct protocol_deflate {
  lw_deflate_pool *pool;
  lw_deflate_options options;
} protocol_deflate;

/* Reads the field `deflate` of the table at index 1 and has the session use it. Raises on what is
 * not legal; frees nothing then. */
void lw__protocol_deflate_open(lua_State *L, protocol_deflate *d, lw_session *session);

/* Whether the options of a message at `index`, if any, say { compress = false }. */
bool lw__protocol_is_uncompressed(lua_State *L, int index);

/* Compresses the payload of a data frame where the session compresses and the message may be, and
 * sets the frame's rsv1 and length. The payload is then borrowed until the session compresses
 * again. False when out of memory. */
bool lw__protocol_deflate(const lw_session *session, bool uncompressed, lw_frame *frame,
                          lw_slice *payload);

/* Adds deflate_offer, deflate_accept and deflate_check to the table on top of the stack. */
void lw__lua_open_protocol_deflate(lua_State *L);

#endif
