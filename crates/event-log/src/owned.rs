//! Objects of librdkafka that this program has to destroy.
#![allow(unsafe_code)]

/// An object of librdkafka that is destroyed at the end of its scope, unless it is null.
pub(crate) struct Owned<T>(pub(crate) *mut T, pub(crate) unsafe extern "C" fn(*mut T));

// SAFETY: librdkafka's objects may be used and destroyed on any thread.
unsafe impl<T> Send for Owned<T> {}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the object was made by the call that pairs with this one, and is destroyed only here.
            unsafe { (self.1)(self.0) }
        }
    }
}
