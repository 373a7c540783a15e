//! Whatever a flow file holds, the loader answers with a flow or with mistakes that have a place: no panic, no hang,
//! no memory without bound. Rendering the mistakes must work too.

#![no_main]

use flow_studio::{id::FlowKey, plan::Book, spec::load::Loader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let loader = Loader::in_memory([("flows/f.yaml", data)]);
    let Ok(key) = FlowKey::new("f") else { return };
    match loader.load_library(&key) {
        Ok(loaded) => {
            let _ = loaded.warnings.render(false);
            // What was loaded can be made executable or is refused.
            let _ = Book::build(&std::sync::Arc::new(loaded.value));
        }
        Err(found) => {
            assert!(found.iter().any(|one| one.is_error()), "refused without a mistake");
            let _ = found.render(false);
            let _ = found.render(true);
        }
    }
});
