//! A commented study to start from, for every problem that has a name.

use logscape::problem::Kind;

/// A study of `kind` on data of its own, with every option of the kind.
pub fn template(kind: &Kind) -> String {
    let Kind { name, equation, options, .. } = kind;
    let option = |option: &logscape::problem::ProblemOption| {
        let open = if option.required { "" } else { "# " };
        format!("# {}\n{open}{} = {}\n", option.about, option.name, option.example)
    };
    let options: String = options.iter().map(option).collect();
    // Generators have plain settings, which TOML can write.
    let data = toml::Value::try_from(kind.example()).map(|table| table.to_string()).unwrap_or_default();
    format!(
        "# {equation}\n\
         name = \"{name}\"\n\
         seed = 7\n\
         \n\
         [problem]\n\
         kind = \"{name}\"\n\
         {options}\
         # {{ path = \"data.csv\" }} for data of yours.\n\
         data = {{ synthetic = {data} }}\n\
         \n\
         # Lists span a grid, as does \"0.01:0.1:3log\".\n\
         [sgd]\n\
         learning_rate = 0.05\n\
         batch_size = 1\n\
         \n\
         [escape]\n\
         region = {{ loss-factor = 2.0 }}\n\
         replicas = 100\n\
         max_steps = 100_000\n"
    )
}
