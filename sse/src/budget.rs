//! How many bytes a stream may still send.

/// The number of bytes that a stream may still send.
///
/// The first event may exceed the budget. Else a client would reconnect for ever, and never receive that event.
///
/// ```
/// let mut budget = spin_sse::ByteBudget::new(10);
/// assert!(budget.admit(8) && !budget.admit(8));
/// assert!(spin_sse::ByteBudget::new(0).admit(1_000), "the first event");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteBudget {
    left: u64,
    first: bool,
}

impl ByteBudget {
    /// A budget of `bytes`. `u64::MAX` means no limit.
    pub fn new(bytes: u64) -> ByteBudget {
        ByteBudget { left: bytes, first: true }
    }

    /// Whether an event of `size` bytes may be sent. If so, its bytes are used.
    pub fn admit(&mut self, size: usize) -> bool {
        let admitted = self.first || self.has(size);
        if admitted {
            self.spend(size);
            self.first = false;
        }
        admitted
    }

    /// Whether `size` bytes are left.
    pub fn has(&self, size: usize) -> bool {
        u64::try_from(size).is_ok_and(|size| size <= self.left)
    }

    /// Uses `size` bytes that are not an event, or all bytes that are left.
    pub fn spend(&mut self, size: usize) {
        self.left = self.left.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_admitted_while_they_fit() {
        let mut budget = ByteBudget::new(10);
        assert!(budget.admit(4) && budget.admit(6) && budget.admit(0) && !budget.admit(1));
    }

    #[test]
    fn the_first_event_may_exceed_the_budget_and_uses_all_of_it() {
        let mut budget = ByteBudget::new(10);
        assert!(budget.admit(11) && !budget.admit(1));
    }

    #[test]
    fn what_is_no_event_is_not_the_first_event() {
        let mut budget = ByteBudget::new(10);
        budget.spend(20);
        assert!(!budget.has(1) && budget.admit(1) && !budget.admit(1));
    }
}
