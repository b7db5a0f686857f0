// The program of the C library: ../../README.md says what it does.
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>
#include <upload_response.h>
#include <zlib.h>

enum { FOREVER = -1, POLL_MS = 50 };

// The arguments.
extern const char* work;
extern const char* argument;

// ---- events.c: what is said, and heard ----

void report(const char* format, ...) __attribute__((format(printf, 1, 2)));
void report_stream(const char* event, ur_exchange* exchange);
void listen_for_words(void);
void wait_for_word(void);
void die(void);
int dies(const char* when);

// ---- body.c: reading ----

typedef struct tally {
  unsigned long long bytes;
  uLong crc;
} tally;

// What is done with each slot while its bytes are sure; 0 or an error.
typedef int (*each_slot)(ur_exchange* exchange, const ur_slot* slot, void* context);

void tally_add(tally* sum, const ur_slot* slot);
int tally_text(const tally* sum, char* text, size_t capacity);
// Reads the whole body and reports it; 0 or an error.
int read_body(ur_exchange* exchange, tally* sum, each_slot each, void* context);
// Reads the body as access units and reports them; 0 or an error.
int read_units(ur_exchange* exchange, tally* sum);
int wait_a_while(ur_exchange* exchange, const ur_slot* slot, void* context);
int die_at_once(ur_exchange* exchange, const ur_slot* slot, void* context);

// ---- responders.c, observers.c: the works; 0 or an error ----

int answer_as_told(ur_exchange* exchange);
int observe_as_told(ur_exchange* exchange);

#endif
