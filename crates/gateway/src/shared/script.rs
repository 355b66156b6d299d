//! The decision, as the shared server makes it.
//!
//! The same algorithm as here (`protect::limit::bucket`), with two differences in form. A bucket is kept as
//! how much is missing and when that was, because the server's numbers are floating point: nanoseconds
//! since 1970 have too many digits, microseconds and the fill time of a bucket have not (below 2^53, so
//! exact up to 104 days; beyond that they are right to one part in 10^15). And a clock that was set back
//! costs nobody his tokens: what is missing counts from the earlier time on.
//!
//! A script runs alone, so all limits of a request are looked at before one is charged. The server's own
//! clock is used: what the clocks of the gateways say does not matter. `TIME` before a write needs a server
//! that replicates effects (Redis 5 or newer, every Valkey).

use redis::{FromRedisValue, RedisResult, Script, aio::MultiplexedConnection};

use super::subject_key::SubjectKey;
use crate::protect::{Claim, LimitSubject};

const CLOCK: &str = "
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
";

/// `KEYS`: a bucket for each limit. `ARGV`: for each its time between tokens, its fill time and what is
/// missing at least, in nanoseconds. Answers with 0 and what each bucket misses then; or with the number of
/// the limit that has no token, and in how long it has one. A bucket that is put right, because the clock
/// was set back or a gateway knows it to be emptier, is kept so even when the request is refused.
const DECIDE: &str = "
local function keep(key, missing)
  local ms = math.min(math.ceil(missing / 1000000) + 1, 1000000000000)
  local bucket = string.format('%.0f %.0f', now_us, missing)
  redis.call('SET', key, bucket, 'PX', string.format('%.0f', ms))
end
local missing = {}
for i, key in ipairs(KEYS) do
  local token, whole, least = ARGV[3 * i - 2] + 0, ARGV[3 * i - 1] + 0, ARGV[3 * i] + 0
  local bucket, is_right = 0, true
  local kept = redis.call('GET', key)
  if kept then
    local at_us, was = string.match(kept, '^(%d+) (%d+)$')
    if at_us then
      is_right = at_us + 0 <= now_us
      bucket = math.max(0, was - math.max(0, now_us - at_us) * 1000)
    end
  end
  if least > bucket then
    bucket, is_right = least, false
  end
  if not is_right then
    keep(key, bucket)
  end
  if bucket + token > whole then
    return {i, bucket + token - whole}
  end
  missing[i] = bucket + token
end
local answer = {0}
for i, key in ipairs(KEYS) do
  keep(key, missing[i])
  answer[i + 1] = missing[i]
end
return answer
";

/// The longest time that is sent, in nanoseconds: 146 years. What the script adds up stays a whole number
/// of 64 bits, which is what the server answers with.
const NS_MAX: u64 = 1 << 62;

/// The script, and what it was told to use as a clock.
#[derive(Debug)]
pub(super) struct Decision {
    script: Script,
}

/// What the server decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decided {
    /// Every limit had a token; in how many nanoseconds each is full.
    Allowed(Vec<u64>),
    /// The limit of this index had none; in how many nanoseconds it has one.
    Refused(usize, u64),
    /// The answer has another form.
    Unclear,
}

impl Decision {
    /// By the server's clock.
    pub(super) fn new() -> Decision {
        Decision::with_clock(CLOCK)
    }

    fn with_clock(clock: &str) -> Decision {
        Decision {
            script: Script::new(&format!("{clock}{DECIDE}")),
        }
    }

    /// By the last argument, in microseconds.
    #[cfg(test)]
    pub(super) fn with_given_clock() -> Decision {
        Decision::with_clock("local now_us = ARGV[#ARGV] + 0\n")
    }

    /// Asks for a token of every limit. With `least`, the common buckets become at least as empty as those
    /// here at that time. `clock_us` is for [`Decision::with_given_clock`].
    pub(super) async fn ask(
        &self,
        connection: &mut MultiplexedConnection,
        keys: &SubjectKey,
        claims: &[Claim<'_>],
        subject: &LimitSubject<'_>,
        (least, clock_us): (Option<u64>, Option<u64>),
    ) -> RedisResult<Decided> {
        let mut question = self.script.prepare_invoke();
        let mut scratch = Vec::with_capacity(64);
        for claim in claims {
            let here_ns = least.map_or(0, |now_ms| claim.missing_here_ns(now_ms));
            question.key(keys.of(claim, subject, &mut scratch));
            question.arg(claim.token_ns().min(NS_MAX));
            question.arg(claim.whole_ns().min(NS_MAX));
            question.arg(here_ns.min(claim.whole_ns()).min(NS_MAX));
        }
        if let Some(clock_us) = clock_us {
            question.arg(clock_us);
        }
        let answer: Vec<i64> = question.invoke_async(connection).await?;
        Ok(decided(claims.len(), &answer))
    }

    /// Does on a key of its own what [`Decision::ask`] does, so that a server that may not be written, is
    /// full, or does not let us run the script is known as such.
    pub(super) async fn probe(
        &self,
        connection: &mut MultiplexedConnection,
        keys: &SubjectKey,
    ) -> RedisResult<()> {
        let mut question = self.script.key(keys.probe());
        // A token a microsecond, and a thousand of them: it is forgotten within two milliseconds.
        let question = question.arg(1_000).arg(1_000_000).arg(0);
        let answer: redis::Value = question.invoke_async(connection).await?;
        Vec::<i64>::from_redis_value(answer)?;
        Ok(())
    }
}

fn decided(limits: usize, answer: &[i64]) -> Decided {
    let ns = |ns: i64| u64::try_from(ns).ok();
    match answer {
        [0, missing @ ..] if missing.len() == limits => {
            let missing: Option<Vec<u64>> = missing.iter().copied().map(ns).collect();
            missing.map_or(Decided::Unclear, Decided::Allowed)
        }
        [index, wait] => match (usize::try_from(*index), ns(*wait)) {
            (Ok(index @ 1..), Some(wait_ns)) if index <= limits => {
                Decided::Refused(index - 1, wait_ns)
            }
            _ => Decided::Unclear,
        },
        _ => Decided::Unclear,
    }
}
