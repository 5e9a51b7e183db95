//! A device on paper: what [`super::Gpu`] would hold at any moment, by the same rules.

use std::collections::BTreeMap;

use super::memory::PORTION;

/// Counts the bytes that a sequence of allocations and writes would take.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    live: u64,
    peak: u64,
    /// Copies of what was written since the last submit.
    waiting: u64,
    /// Copies that the device is reading, until somebody looks whether it has done.
    under_way: u64,
    scratch: BTreeMap<&'static str, u64>,
    shelf: BTreeMap<String, u64>,
}

impl Ledger {
    /// What a storage buffer of `bytes` takes, as [`super::Gpu::storage`] rounds it.
    pub fn rounded(bytes: u64) -> u64 {
        bytes.next_multiple_of(16).max(16)
    }

    /// Makes something of `bytes`.
    pub fn make(&mut self, bytes: u64) {
        self.live += bytes;
        self.note();
    }

    /// Gives `bytes` back.
    pub fn free(&mut self, bytes: u64) {
        self.live -= bytes;
    }

    /// Writes `bytes` into what was made; see [`super::Gpu::write`].
    pub fn write(&mut self, mut bytes: u64) {
        while bytes > 0 {
            let portion = bytes.min(PORTION);
            if self.waiting + portion > PORTION {
                (self.waiting, self.under_way) = (0, 0);
            }
            self.waiting += portion;
            self.note();
            bytes -= portion;
        }
    }

    /// Sends on its way what was written.
    pub fn submit(&mut self) {
        self.under_way = std::mem::take(&mut self.waiting);
    }

    /// What [`super::Gpu::staging`] takes to read back up to `bytes`.
    pub fn staging(bytes: u64) -> u64 {
        bytes.min(PORTION)
    }

    /// Copies `bytes` to the host and waits for them.
    pub fn read_back(&mut self, bytes: u64) {
        let staging = Self::staging(bytes);
        self.make(staging);
        (self.waiting, self.under_way) = (0, 0);
        self.free(staging);
    }

    /// Asks for scratch memory, a buffer's or that of texels, and returns the bytes of what nobody will ask for again, which
    /// go with the recordings that bind them; see [`super::Gpu::scratch`] and [`super::Gpu::scratch_texels`].
    pub fn scratch(&mut self, name: &'static str, bytes: u64) -> u64 {
        let bytes = Self::rounded(bytes);
        let there = self.scratch.get(name).copied().unwrap_or(0);
        if there >= bytes {
            return 0;
        }
        self.scratch.insert(name, bytes);
        self.make(bytes);
        there
    }

    /// Takes from the shelf what is not wanted, and gives it back; see [`super::Gpu::with_shelf`].
    pub fn clear_shelf(&mut self, is_wanted: impl Fn(&str) -> bool) {
        let unwanted = self.shelf.extract_if(.., |name, _| !is_wanted(name));
        let bytes: u64 = unwanted.map(|(_, bytes)| bytes).sum();
        self.live -= bytes;
    }

    /// Whether something of this name stands on the shelf; if not, it is made and put there.
    pub fn shelve(&mut self, name: &str, bytes: u64) -> bool {
        if self.shelf.contains_key(name) {
            return true;
        }
        self.shelf.insert(name.to_string(), bytes);
        self.make(bytes);
        false
    }

    /// All scratch memory, by name.
    pub fn scratch_memory(&self) -> Vec<(String, u64)> {
        let scratch = self.scratch.iter();
        scratch
            .map(|(&name, &bytes)| (name.to_string(), bytes))
            .collect()
    }

    /// The most that was ever held at once, with such copies.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    fn note(&mut self) {
        self.peak = self.peak.max(self.live + self.waiting + self.under_way);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_copies_until_the_device_has_read_them() {
        let mut ledger = Ledger::default();
        ledger.make(100);
        ledger.write(40);
        ledger.write(20);
        assert_eq!((ledger.live, ledger.peak()), (100, 160));
        ledger.read_back(8);
        assert_eq!((ledger.live, ledger.peak()), (100, 168));
        ledger.make(50);
        assert_eq!(ledger.peak(), 168);
        ledger.free(100);
        ledger.make(200);
        assert_eq!((ledger.live, ledger.peak()), (250, 250));
    }

    #[test]
    fn large_writes_do_not_pile_up() {
        let mut ledger = Ledger::default();
        for _ in 0..10 {
            ledger.write(3 * PORTION + 1);
        }
        assert_eq!(ledger.peak(), PORTION);
    }

    #[test]
    fn what_stands_on_the_shelf_is_made_once() {
        let mut ledger = Ledger::default();
        assert!(!ledger.shelve("a", 100));
        assert!(!ledger.shelve("b", 30));
        assert!(ledger.shelve("a", 100));
        assert_eq!(ledger.live, 130);
        ledger.clear_shelf(|name| name == "b");
        assert_eq!(ledger.live, 30);
        assert!(!ledger.shelve("a", 100));
        assert_eq!((ledger.live, ledger.peak()), (130, 130));
    }

    #[test]
    fn scratch_memory_grows_and_is_shared() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.scratch("a", 90), 0);
        assert_eq!(ledger.scratch("a", 50), 0);
        assert_eq!(ledger.scratch("a", 200), 96);
        assert_eq!(ledger.scratch("b", 96), 0);
        assert_eq!(ledger.live, 96 + 208 + 96);
        let all = [("a".to_string(), 208), ("b".to_string(), 96)];
        assert_eq!(ledger.scratch_memory(), all);
    }
}
