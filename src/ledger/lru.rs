//! A handful of open handles by name; the one not used for longest makes room.

/// Open files and directories kept per writer: well below the usual limit of 1,024 descriptors, and more than
/// a flow with parallel steps touches at once.
pub(super) const OPEN_MAX: usize = 64;

pub(super) struct Lru<V> {
    held: Vec<(String, V, u64)>,
    clock: u64,
}

impl<V> Lru<V> {
    pub(super) fn new() -> Self {
        Self { held: Vec::new(), clock: 0 }
    }

    pub(super) fn get(&mut self, name: &str) -> Option<&mut V> {
        self.clock += 1;
        let clock = self.clock;
        self.held.iter_mut().find(|(held, ..)| held == name).map(|(_, value, used)| {
            *used = clock;
            value
        })
    }

    /// Adds a value; when full, the one not used for longest is dropped.
    pub(super) fn put(&mut self, name: &str, value: V) {
        self.clock += 1;
        self.remove(name);
        if self.held.len() >= OPEN_MAX
            && let Some(oldest) = (0..self.held.len()).min_by_key(|at| self.held[*at].2)
        {
            self.held.swap_remove(oldest);
        }
        self.held.push((name.to_owned(), value, self.clock));
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(at) = self.held.iter().position(|(held, ..)| held == name) {
            self.held.swap_remove(at);
        }
    }

    pub(super) fn clear(&mut self) {
        self.held.clear();
    }
}
