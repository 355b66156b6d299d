//! Cases of what is not part of this crate, with the tests that hold them.

use super::Elsewhere;

const fn case(
    given: &'static str,
    theirs: &'static str,
    ours: &'static str,
    test: &'static str,
) -> Elsewhere {
    Elsewhere {
        given,
        theirs,
        ours,
        test,
    }
}

pub(super) const CASES: &[Elsewhere] = &[
    case(
        "`X-Dify-Version: 1.7.0` of a client",
        "believed, with 0.9",
        "never looked at: what a client sends says nothing of the server, whose own `X-Version` counts",
        "a_version_leads_to_its_table_or_to_the_nearest_one",
    ),
    case(
        "`POST /v1/chat-messages` with `Test email user@example.com`",
        "forwarded as it is (its adapter is a stub)",
        "the application sees the placeholder, the client its address",
        "a_blocking_answer_has_the_values_and_the_application_sees_placeholders_only",
    ),
    case(
        "`GET /masking/health`",
        "`{\"status\":\"healthy\",\"version\":\"2.0.0\"}` for everybody, whatever is in front of what",
        "`status` with what each mask has in front of it and the version that its server says, on the admin address for the admin",
        "health_names_the_version_that_a_server_says_and_the_table_in_use",
    ),
    case(
        "`GET /masking/health` while nothing can be masked",
        "503 and `Adapter not initialized`",
        "an error unless something still works",
        "without_its_store_health_is_an_error_unless_something_still_works",
    ),
    case(
        "OAuth without `client_id`",
        "a validation error",
        "there is no such setting: tokens are checked by `[gateway.access]`, and `Authorization` goes through to the application",
        "one_of_key_and_token_is_enough",
    ),
    case(
        "trace ids begin with `trace_` and differ",
        "made by the plugin",
        "ids of W3C Trace Context, which collectors read",
        "a_bad_or_doubled_traceparent_begins_a_new_trace_without_tracestate",
    ),
    case(
        "a disabled plugin, in an emergency",
        "`bypass.conf` and a reload",
        "`portcullis gateway bypass`, which ends by itself",
        "a_bypass_takes_masking_out_of_the_way_and_its_end_puts_it_back",
    ),
    case(
        "a body of another content type",
        "forwarded as it is",
        "refused with what to set, or passed where the settings say so",
        "what_cannot_be_looked_into_is_refused_with_what_to_do_and_never_sent",
    ),
    case(
        "placeholders of two users",
        "numbered in one table of the worker, so one reads the other's values",
        "numbered by conversation, and of another tenant nothing is known",
        "two_conversations_never_mix_and_another_tenant_gets_nothing",
    ),
    case(
        "a second turn, and `GET /v1/messages`",
        "lost with the worker",
        "the same placeholders, and the history with its values",
        "a_second_turn_uses_the_same_placeholders_and_history_and_suggestions_are_restored",
    ),
];
