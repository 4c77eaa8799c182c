/* An actor in C: it sends back what it is sent. How to build it: docs/guide/languages.md. */

#include <stdlib.h>
#include <string.h>
#include "actor.h"

void exports_thespian_actor_guest_describe(exports_thespian_actor_guest_source_info_t *info) {
    thespian_actor_types_actor_class_t *class = calloc(1, sizeof *class);
    actor_string_dup(&class->name, "Echo");
    class->receives.ptr = calloc(1, sizeof *class->receives.ptr);
    class->receives.len = 1;
    actor_string_dup(class->receives.ptr, "Echo");
    class->on_trap = THESPIAN_ACTOR_TYPES_ON_TRAP_RESTART;
    memset(info, 0, sizeof *info);
    actor_string_dup(&info->name, "echo");
    actor_string_dup(&info->version, "0.1.0");
    actor_string_dup(&info->sdk, "wit-bindgen");
    info->classes.ptr = class;
    info->classes.len = 1;
}

bool exports_thespian_actor_guest_start(exports_thespian_actor_guest_actor_init_t *init,
                                        exports_thespian_actor_guest_failure_t *failure) {
    exports_thespian_actor_guest_actor_init_free(init);
    return true;
}

/* Sends a message back to its sender, with its headers: so an answer finds its question. */
bool exports_thespian_actor_guest_handle_message(exports_thespian_actor_guest_address_t *sender, uint32_t attempt,
                                                 exports_thespian_actor_guest_message_t *message,
                                                 exports_thespian_actor_guest_failure_t *failure) {
    thespian_actor_messaging_error_t refused;
    bool known = message->type_name.len == 4 && memcmp(message->type_name.ptr, "Echo", 4) == 0;
    bool sent = known && thespian_actor_messaging_send(sender, message, &refused);
    failure->retry = false;
    if (!known) actor_string_dup(&failure->reason, "`Echo` takes Echo alone");
    else if (!sent) failure->reason = refused.val.invalid; /* every case has a text */
    exports_thespian_actor_guest_address_free(sender);
    exports_thespian_actor_guest_message_free(message);
    return sent;
}

bool exports_thespian_actor_guest_handle_event(exports_thespian_actor_guest_delivery_t *delivery,
                                               exports_thespian_actor_guest_failure_t *failure) {
    exports_thespian_actor_guest_delivery_free(delivery);
    return true;
}
