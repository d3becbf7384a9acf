#include "../proto/spare.h"

#include "test.h"

static lw_buf grown(lw_buf buf, size_t size) {
  lw_buf_reserve(&buf, size, size);
  buf.size = size;
  return buf;
}

TEST(keeps_what_it_lent) {
  lw_spare spare = {0};
  lw_buf buf = {0};
  lw_spare_lend(&spare, &buf);
  CHECK(buf.data == NULL); /* nothing was kept yet */
  buf = grown(buf, 1000);
  const uint8_t *data = buf.data;
  lw_spare_take_back(&spare, &buf);
  CHECK(buf.data == NULL && buf.capacity == 0);
  lw_spare_lend(&spare, &buf);
  CHECK(buf.data == data);
  CHECK(buf.size == 0 && buf.capacity == 1000);
  lw_spare_take_back(&spare, &buf);
  lw_spare_free(&spare);
  CHECK(spare.kept.data == NULL);
}

TEST(is_lent_to_one_at_a_time) {
  lw_spare spare = {0};
  lw_buf one = {0}, two = {0};
  lw_spare_lend(&spare, &one);
  lw_spare_lend(&spare, &two);
  one = grown(one, 10);
  two = grown(two, 20);
  lw_spare_take_back(&spare, &two);
  CHECK(two.data == NULL && spare.kept.data == NULL && spare.lent_to == &one);
  lw_spare_take_back(&spare, &one);
  CHECK_INT(spare.kept.capacity, 10);
  lw_spare_take_back(&spare, &one); /* has nothing: the spare stays */
  CHECK_INT(spare.kept.capacity, 10);
  lw_spare_free(&spare);
}

TEST(keeps_no_more_than_its_limit) {
  lw_spare spare = {0};
  lw_buf buf = {0};
  lw_spare_lend(&spare, &buf);
  buf = grown(buf, LW_SPARE_MAX);
  lw_spare_take_back(&spare, &buf);
  CHECK_INT(spare.kept.capacity, LW_SPARE_MAX);
  lw_spare_lend(&spare, &buf);
  buf = grown(buf, LW_SPARE_MAX + 1);
  lw_spare_take_back(&spare, &buf);
  CHECK(spare.kept.data == NULL && spare.lent_to == NULL && buf.data == NULL);
}

TEST(may_be_missing) {
  lw_buf buf = {0};
  lw_spare_lend(NULL, &buf);
  buf = grown(buf, 10);
  lw_spare_take_back(NULL, &buf);
  CHECK(buf.data == NULL);
}

int main(void) {
  RUN(keeps_what_it_lent);
  RUN(is_lent_to_one_at_a_time);
  RUN(keeps_no_more_than_its_limit);
  RUN(may_be_missing);
  return test_end();
}
