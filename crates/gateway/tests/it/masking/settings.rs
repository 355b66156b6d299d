//! Masks for tests: what a file that says little gets.

use portcullis_config::{
    BuiltInSearch, DatasetRequests, DifyApi, LeakAction, MaskApplication, MaskConfig,
    PlaceholderForm, SearchConfig, UnknownMessage,
};
use portcullis_mask::{Action, Mode, Regions, Score};

pub(crate) fn mask(name: &str, application: MaskApplication) -> MaskConfig {
    MaskConfig {
        name: name.into(),
        application,
        mode: Mode::Enforce,
        placeholders: PlaceholderForm::Plain,
        action: Action::Mask,
        actions: Vec::new(),
        search: SearchConfig {
            built_in: BuiltInSearch::All,
            threshold: Score::of(50),
            thresholds: Vec::new(),
            phone_regions: Regions::ALL,
            allow: Vec::new(),
            allow_patterns: Vec::new(),
            bundled: Vec::new(),
            model: None,
            dictionaries: Vec::new(),
            recognizers: Vec::new(),
        },
        body_bytes_max: 1024 * 1024,
        unknown: UnknownMessage::Refuse,
        leaks: LeakAction::Off,
    }
}

pub(crate) fn dify() -> MaskConfig {
    let application = MaskApplication::Dify {
        version: DifyApi::Detect,
        select_inputs: Vec::new(),
        datasets: DatasetRequests::Pass,
    };
    mask("dify", application)
}

pub(crate) fn openai() -> MaskConfig {
    mask("openai", MaskApplication::OpenAi)
}

pub(crate) fn anthropic() -> MaskConfig {
    mask("anthropic", MaskApplication::Anthropic)
}
