//! What `wit-bindgen` makes of the contract in `wit/`. Not part of the SDK's interface: scenarios use the modules around it.

wit_bindgen::generate!({
    path: "wit",
    world: "scenario",
    pub_export_macro: true,
    export_macro_name: "export_scenario",
    default_bindings_module: "lt_sdk::bindings",
    generate_all,
});
