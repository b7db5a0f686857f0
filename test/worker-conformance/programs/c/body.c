// The program of the C library: ../../README.md says what it does. This part: reading.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "program.h"

void tally_add(tally* sum, const ur_slot* slot) {
  sum->bytes += slot->length;
  sum->crc = crc32_z(sum->crc, slot->data, slot->length);
}

int tally_text(const tally* sum, char* text, size_t capacity) {
  return snprintf(text, capacity, "%llu %08lx\n", sum->bytes, sum->crc);
}

int read_body(ur_exchange* exchange, tally* sum, each_slot each, void* context) {
  ur_reader* reader = ur_exchange_request(exchange);
  ur_slot slot;
  int result = 0;
  while ((result = ur_reader_next(reader, FOREVER, &slot)) == 1) {
    if (sum->bytes == 0) report_stream("reading", exchange);
    tally_add(sum, &slot);
    if (each && (result = each(exchange, &slot, context)) < 0) return result;
    if ((result = ur_reader_ack(reader, slot.id)) < 0) return result;
  }
  if (result < 0) return result;
  report("{\"event\":\"read\",\"stream\":%llu,\"bytes\":%llu,\"crc32\":\"%08lx\"}",
         (unsigned long long)ur_exchange_id(exchange), sum->bytes, sum->crc);
  return 0;
}

// Appends it to the file of its track, if files are wanted.
static void keep_unit(const ur_access_unit* unit) {
  char path[4096];
  if (!argument) return;
  snprintf(path, sizeof path, "%s/%u-%u", argument, unit->stream_type, unit->track);
  FILE* file = fopen(path, "ab");
  if (!file || fwrite(unit->data, 1, unit->length, file) != unit->length || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

int read_units(ur_exchange* exchange, tally* sum) {
  ur_access_units* units = NULL;
  ur_access_unit unit;
  unsigned long long count = 0, first = 0, keys = 0;
  int result = ur_access_units_new(ur_exchange_request(exchange), 0, &units);
  if (result < 0) return result;
  while ((result = ur_access_units_next(units, FOREVER, &unit)) == 1) {
    if (count++ == 0) {
      first = unit.id;
      report_stream("reading", exchange);
    }
    sum->bytes += unit.length;
    if (unit.length > 0) sum->crc = crc32_z(sum->crc, unit.data, unit.length);
    if (unit.key) keys++;
    keep_unit(&unit);
  }
  ur_access_units_free(units);
  if (result < 0) return result;
  report("{\"event\":\"units\",\"stream\":%llu,\"units\":%llu,\"first\":%llu,\"keys\":%llu,"
         "\"bytes\":%llu,\"crc32\":\"%08lx\"}",
         (unsigned long long)ur_exchange_id(exchange), count, first, keys, sum->bytes, sum->crc);
  return 0;
}

int wait_a_while(ur_exchange* exchange, const ur_slot* slot, void* context) {
  (void)exchange, (void)slot, (void)context;
  const long ms = argument[0] ? atol(argument) : 2;
  const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
  return 0;
}

int die_at_once(ur_exchange* exchange, const ur_slot* slot, void* context) {
  (void)exchange, (void)slot, (void)context;
  die();
  return 0;
}
