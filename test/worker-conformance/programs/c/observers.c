// The program of the C library: ../../README.md says what it does. This part: the works of observers.

#include <stdint.h>
#include <string.h>

#include "program.h"

static int write_complement(ur_exchange* exchange, const ur_slot* slot, void* stage) {
  (void)exchange;
  for (size_t done = 0; done < slot->length;) {
    void* memory = NULL;
    size_t room = 0;
    int result = ur_writer_reserve(stage, FOREVER, &memory, &room);
    if (result < 0) return result;
    if (room > slot->length - done) room = slot->length - done;
    for (size_t i = 0; i < room; i++) ((uint8_t*)memory)[i] = (uint8_t)~slot->data[done + i];
    if ((result = ur_writer_commit(stage, room)) < 0) return result;
    done += room;
  }
  return 0;
}

static int observe_into_stage(ur_exchange* exchange) {
  ur_writer* stage = NULL;
  tally sum = {0};
  int result = ur_exchange_stage(exchange, argument);
  if (result >= 0) result = ur_exchange_open_writer(exchange, result, &stage);
  if (result == 0) result = read_body(exchange, &sum, write_complement, stage);
  return result < 0 ? result : ur_writer_end(stage, FOREVER);
}

int observe_as_told(ur_exchange* exchange) {
  tally sum = {0};
  if (strcmp(work, "stage") == 0) return observe_into_stage(exchange);
  if (strcmp(work, "units") == 0) return read_units(exchange, &sum);
  each_slot each = NULL;
  if (strcmp(work, "slow") == 0) each = wait_a_while;
  if (dies("reading")) each = die_at_once;
  const int result = read_body(exchange, &sum, each, NULL);
  if (result < 0) return result;
  if (strcmp(work, "pass") == 0) return ur_exchange_accept(exchange);
  if (strcmp(work, "veto") == 0) return ur_exchange_veto(exchange, 422, "refused");
  return 0;
}
