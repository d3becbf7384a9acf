#include "spare.h"

void lw_spare_lend(lw_spare *spare, lw_buf *buf) {
  if (spare == NULL || spare->lent_to != NULL) return;
  spare->lent_to = buf;
  *buf = spare->kept;
  spare->kept = (lw_buf){0};
}

void lw_spare_take_back(lw_spare *spare, lw_buf *buf) {
  bool is_lent = spare != NULL && spare->lent_to == buf;
  if (is_lent) spare->lent_to = NULL;
  if (is_lent && buf->capacity <= LW_SPARE_MAX) {
    spare->kept = *buf;
    spare->kept.size = 0;
    *buf = (lw_buf){0};
  } else {
    lw_buf_free(buf);
  }
}

void lw_spare_free(lw_spare *spare) {
  lw_buf_free(&spare->kept);
}
