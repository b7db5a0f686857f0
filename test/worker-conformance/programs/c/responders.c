// The program of the C library: ../../README.md says what it does. This part: the works of responders.

#include <string.h>

#include "program.h"

static int write_all(ur_writer* writer, const void* data, size_t length) {
  const int64_t written = ur_writer_write(writer, data, length, FOREVER);
  return written < 0 ? (int)written : 0;
}

static int write_back(ur_exchange* exchange, const ur_slot* slot, void* context) {
  (void)context;
  return write_all(ur_exchange_response(exchange), slot->data, slot->length);
}

static int respond(ur_exchange* exchange) { return ur_exchange_respond(exchange, 200, NULL, 0); }

static int answer(ur_exchange* exchange, const char* text) {
  int result = respond(exchange);
  if (result == 0) result = write_all(ur_exchange_response(exchange), text, strlen(text));
  return result < 0 ? result : ur_writer_end(ur_exchange_response(exchange), FOREVER);
}

static int answer_units(ur_exchange* exchange) {
  tally sum = {0};
  char text[64];
  const int result = read_units(exchange, &sum);
  if (result < 0) return result;
  tally_text(&sum, text, sizeof text);
  return answer(exchange, text);
}

static int answer_tally(ur_exchange* exchange, each_slot each) {
  tally sum = {0};
  char text[64];
  const int result = read_body(exchange, &sum, each, NULL);
  if (result < 0) return result;
  tally_text(&sum, text, sizeof text);
  return answer(exchange, text);
}

static int answer_overlap(ur_exchange* exchange) {
  ur_writer* response = ur_exchange_response(exchange);
  tally sum = {0};
  char text[64];
  int result = respond(exchange);
  if (result == 0) result = write_all(response, "first\n", 6);
  if (result == 0) result = read_body(exchange, &sum, NULL, NULL);
  if (result < 0) return result;
  result = write_all(response, text, (size_t)tally_text(&sum, text, sizeof text));
  return result < 0 ? result : ur_writer_end(response, FOREVER);
}

static int answer_echo(ur_exchange* exchange) {
  const ur_header trailer = {"x-end", "yes", 0, 0};
  ur_writer* response = ur_exchange_response(exchange);
  tally sum = {0};
  int result = respond(exchange);
  if (result == 0) result = read_body(exchange, &sum, write_back, NULL);
  if (result == 0) result = ur_writer_trailers(response, &trailer, 1, FOREVER);
  return result < 0 ? result : ur_writer_end(response, FOREVER);
}

static int answer_pin(ur_exchange* exchange) {
  ur_reader* reader = ur_exchange_request(exchange);
  tally kept = {0};
  tally rest = {0};
  ur_slot first;
  ur_slot slot;
  char text[128];
  int result = ur_reader_next(reader, FOREVER, &first);
  if (result == 1) result = ur_reader_pin(reader, first.id);
  if (result == 0) result = ur_reader_ack(reader, first.id);
  if (result < 0) return result;
  while ((result = ur_reader_next(reader, FOREVER, &slot)) == 1) {
    tally_add(&rest, &slot);
    if ((result = ur_reader_ack(reader, slot.id)) < 0) return result;
  }
  if (result < 0) return result;
  tally_add(&kept, &first);
  if ((result = ur_reader_unpin(reader, first.id)) < 0) return result;
  const int length = tally_text(&kept, text, sizeof text);
  tally_text(&rest, text + length, sizeof text - (size_t)length);
  return answer(exchange, text);
}

enum { KEPT = 3 };

typedef struct hoard {
  ur_reader* reader;
  uint64_t ids[KEPT + 1];
  int count;
} hoard;

static int keep(ur_exchange* exchange, const ur_slot* slot, void* context) {
  hoard* kept = context;
  (void)exchange;
  int result = ur_reader_pin(kept->reader, slot->id);
  if (result < 0) return result;
  kept->ids[kept->count++] = slot->id;
  if (kept->count <= KEPT) return 0;
  for (int i = 1; i >= 0 && result == 0; i--) result = ur_reader_unpin(kept->reader, kept->ids[i]);
  kept->count -= 2;
  memmove(kept->ids, kept->ids + 2, (size_t)kept->count * sizeof kept->ids[0]);
  return result;
}

static int answer_hoard(ur_exchange* exchange) {
  hoard kept = {.reader = ur_exchange_request(exchange)};
  tally sum = {0};
  char text[64];
  int result = read_body(exchange, &sum, keep, &kept);
  for (int i = 0; i < kept.count && result == 0; i++) {
    result = ur_reader_unpin(kept.reader, kept.ids[i]);
  }
  tally_text(&sum, text, sizeof text);
  return result < 0 ? result : answer(exchange, text);
}

static int drop_body(ur_exchange* exchange) {
  ur_reader* reader = ur_exchange_request(exchange);
  ur_slot slot;
  int result;
  while ((result = ur_reader_next(reader, 0, &slot)) == 1) ur_reader_ack(reader, slot.id);
  return result == UR_EMPTY ? 0 : result;
}

static int answer_stage(ur_exchange* exchange) {
  ur_writer* response = ur_exchange_response(exchange);
  ur_reader* stage = NULL;
  ur_slot slot;
  int result = ur_exchange_stage(exchange, argument);
  if (result >= 0) result = ur_exchange_open_reader(exchange, result, 0, &stage);
  if (result == 0) result = respond(exchange);
  while (result == 0) {
    const int got = ur_reader_next(stage, POLL_MS, &slot);
    if (got == 0) break;
    if (got == 1) {
      result = write_all(response, slot.data, slot.length);
      if (result == 0) result = ur_reader_ack(stage, slot.id);
      // Not before: the request is kept for the one that writes the stage.
      if (result == 0) result = drop_body(exchange);
    } else if (got != UR_EMPTY) {
      result = got;
    }
  }
  return result < 0 ? result : ur_writer_end(response, FOREVER);
}

static int answer_nothing(ur_exchange* exchange) {
  tally sum = {0};
  int result = respond(exchange);
  if (result == 0) result = read_body(exchange, &sum, NULL, NULL);
  while (result == 0 || result == UR_EMPTY) {
    if ((result = ur_exchange_wait(exchange, FOREVER)) == 0) result = ur_exchange_status(exchange);
  }
  return result;
}

static int answer_dying(ur_exchange* exchange) {
  if (dies("after-claim")) die();
  if (dies("reading")) return answer_tally(exchange, die_at_once);
  int result = respond(exchange);
  if (result == 0 && dies("mid-body")) {
    result = write_all(ur_exchange_response(exchange), "begun\n", 6);
  }
  wait_for_word();
  die();
  return result;
}

static int give_up(ur_exchange* exchange) {
  tally sum = {0};
  const int result = read_body(exchange, &sum, NULL, NULL);
  return result < 0 ? result : ur_writer_fail(ur_exchange_response(exchange), UR_WORKER_FAILED);
}

static int answer_with(ur_exchange* exchange, const char* what) {
  if (strcmp(what, "tally") == 0) return answer_tally(exchange, NULL);
  if (strcmp(what, "slow") == 0) return answer_tally(exchange, wait_a_while);
  if (strcmp(what, "units") == 0) return answer_units(exchange);
  if (strcmp(what, "overlap") == 0) return answer_overlap(exchange);
  if (strcmp(what, "echo") == 0) return answer_echo(exchange);
  if (strcmp(what, "early") == 0) return answer(exchange, "early\n");
  if (strcmp(what, "pin") == 0) return answer_pin(exchange);
  if (strcmp(what, "hoard") == 0) return answer_hoard(exchange);
  if (strcmp(what, "stage") == 0) return answer_stage(exchange);
  if (strcmp(what, "fail") == 0) return give_up(exchange);
  if (strcmp(what, "wait") == 0) return answer_nothing(exchange);
  if (strcmp(what, "die") == 0) return answer_dying(exchange);
  if (strcmp(what, "hold") == 0) {
    wait_for_word();
    return answer_tally(exchange, NULL);
  }
  return UR_UNSUPPORTED;
}

int answer_as_told(ur_exchange* exchange) {
  if (strcmp(work, "chaos") != 0) return answer_with(exchange, work);
  const char* chosen = ur_head_value(ur_exchange_head(exchange), "x-work");
  return answer_with(exchange, chosen ? chosen : "tally");
}
