/* What libical, which many Linux calendars read with, makes of files: their instants in UTC, and
   whether RFC 5546 allows their METHOD what they say. One line a file, one line an entry. */
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>

static void show(struct icaltimetype moment) {
  icaltimezone *utc = icaltimezone_get_utc_timezone();
  printf(" %s", icaltime_as_ical_string(icaltime_convert_to_zone(moment, utc)));
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (!file) return 2;
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *text = calloc(1, length + 1);
    if (fread(text, 1, length, file) != (size_t)length) return 2;
    fclose(file);
    icalcomponent *calendar = icalparser_parse_string(text);
    int is_allowed = calendar && icalrestriction_check(calendar) && !icalcomponent_count_errors(calendar);
    printf("%s\n", is_allowed ? "allowed" : "refused");
    for (icalcomponent *entry = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT); entry;
         entry = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT)) {
      printf("entry");
      show(icalcomponent_get_dtstart(entry));
      show(icalcomponent_get_dtend(entry));
      printf("\n");
    }
  }
  return 0;
}
