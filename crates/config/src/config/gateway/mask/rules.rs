//! From a mask's settings to compiled rules.

use std::sync::Arc;

use portcullis_mask::{
    Dictionary, Examples, NamedEntities, NamedEntitiesError, NamedSpan, PatternRecognizer, Policy,
    PolicyError, Rules, RulesBuilder,
};

use super::{
    BuiltInSearch, CluesConfig, DictionaryConfig, DictionaryWords, MaskConfig, MaskFault,
    RecognizerConfig, SearchConfig,
};

impl MaskConfig {
    /// The rules: what is looked for, compiled. Reads the files of words anew, so it blocks for as long as the disk takes;
    /// their examples are tried as well.
    ///
    /// # Errors
    /// Everything that is wrong. In a mask of a configuration only a file of words can be, which may have changed since
    /// [`crate::Config::check_files`] looked at it; or the mask has a model, see [`MaskConfig::rules_with`].
    pub fn rules(&self) -> Result<Rules, Vec<MaskFault>> {
        self.rules_with(None)
    }

    /// As [`MaskConfig::rules`], with the model that is in the folder of `search.model`, which whoever asks has loaded. A
    /// mask without a model takes none.
    ///
    /// # Errors
    /// As [`MaskConfig::rules`]; and the mask has a model that is not given.
    pub fn rules_with(
        &self,
        model: Option<Arc<dyn NamedEntities>>,
    ) -> Result<Rules, Vec<MaskFault>> {
        self.search.rules(model)
    }

    /// The rules with something that finds no names in the place of a model: they tell what is looked for, and must never
    /// look for it.
    pub(crate) fn rules_without_names(&self) -> Result<Rules, Vec<MaskFault>> {
        self.rules_with(Some(Arc::new(NoNames)))
    }

    /// What is done with what the rules of this mask find.
    ///
    /// # Errors
    /// A name is not known to the rules: they are not those of this mask.
    pub fn policy(&self, rules: &Rules) -> Result<Policy, PolicyError> {
        let mut policy = Policy::new(self.action);
        for (name, action) in broadest_first(&self.actions, rules) {
            policy = with(policy, rules, name, *action)?;
        }
        Ok(policy)
    }
}

impl SearchConfig {
    fn rules(&self, model: Option<Arc<dyn NamedEntities>>) -> Result<Rules, Vec<MaskFault>> {
        let mut builder = Rules::builder();
        if let Some(config) = &self.model {
            let model = model.ok_or_else(|| vec![MaskFault::Model(config.folder.clone())])?;
            let bytes_max = usize::try_from(config.text_bytes_max).unwrap_or(usize::MAX);
            builder = builder.named_entities(model, bytes_max);
        }
        let mut builder = self
            .built_in(builder)
            .threshold_of_all(self.threshold)
            .phone_regions(self.phone_regions);
        for name in &self.bundled {
            builder = builder.bundled(name);
        }
        let mut faults = Vec::new();
        for (index, dictionary) in self.dictionaries.iter().enumerate() {
            match dictionary.with_words() {
                Ok(dictionary) => builder = builder.dictionary(dictionary),
                Err(error) => faults.push(MaskFault::Words {
                    dictionary: index,
                    error,
                }),
            }
        }
        // The rest would be told to be wrong where only a file is.
        if !faults.is_empty() {
            return Err(faults);
        }
        for recognizer in &self.recognizers {
            builder = builder.pattern(recognizer.compiled());
        }
        for value in &self.allow {
            builder = builder.allow(value);
        }
        for pattern in &self.allow_patterns {
            builder = builder.allow_pattern(pattern);
        }
        self.thresholds(builder)
            .build()
            .map_err(|errors| errors.into_iter().map(MaskFault::Rules).collect())
    }

    /// Chooses among what is built in. A word that names only what the mask brings itself chooses nothing of it.
    fn built_in(&self, builder: RulesBuilder) -> RulesBuilder {
        let built_in = Rules::default();
        match &self.built_in {
            BuiltInSearch::All => builder,
            BuiltInSearch::Only(words) => words
                .iter()
                .filter(|word| is_known(&built_in, word) || !self.brings(word))
                .fold(builder.nothing(), |builder, word| builder.with(word)),
            BuiltInSearch::Without(words) => words
                .iter()
                .fold(builder, |builder, word| builder.without(word)),
        }
    }

    fn thresholds(&self, builder: RulesBuilder) -> RulesBuilder {
        if self.thresholds.is_empty() {
            return builder;
        }
        // Which of two names is the broader one does not depend on what the mask brings: a new entity has one name.
        let built_in = Rules::default();
        broadest_first(&self.thresholds, &built_in)
            .into_iter()
            .fold(builder, |builder, (name, score)| {
                builder.threshold(name, *score)
            })
    }

    /// What the mask looks for before a dictionary or recognizer of its own is added, whatever it chooses of that.
    pub(crate) fn before_own(&self) -> Rules {
        let builder = match self.model {
            Some(_) => Rules::builder().named_entities(Arc::new(NoNames), 0),
            None => return Rules::default(),
        };
        builder.build().unwrap_or_default()
    }

    /// Whether a word names a dictionary or recognizer of the mask's own, or what one finds.
    pub(crate) fn brings(&self, word: &str) -> bool {
        let dictionaries = self.dictionaries.iter();
        let recognizers = self.recognizers.iter();
        let mut names = dictionaries
            .flat_map(|one| [&one.name, &one.entity])
            .chain(recognizers.flat_map(|one| [&one.name, &one.entity]));
        names.any(|name| name.eq_ignore_ascii_case(word))
    }
}

impl DictionaryConfig {
    /// The dictionary with its words, wherever they are.
    pub(crate) fn with_words(&self) -> Result<Dictionary, super::WordsError> {
        Ok(self.compiled(match &self.words {
            DictionaryWords::Given(words) => words.clone(),
            DictionaryWords::File(file) => super::words::read(file)?,
        }))
    }

    /// The dictionary with these words.
    pub(crate) fn compiled(&self, words: Vec<String>) -> Dictionary {
        Dictionary {
            id: self.name.clone(),
            entity: self.entity.clone(),
            words,
            is_case_sensitive: self.is_case_sensitive,
            matches_within_words: self.matches_within_words,
            score: Some(self.score),
            context: self.clues.context.clone(),
            against: self.clues.against.clone(),
            examples: self.clues.examples(),
        }
    }
}

impl RecognizerConfig {
    pub(crate) fn compiled(&self) -> PatternRecognizer {
        PatternRecognizer {
            id: self.name.clone(),
            entity: self.entity.clone(),
            patterns: self.patterns.clone(),
            score: Some(self.score),
            context: self.clues.context.clone(),
            against: self.clues.against.clone(),
            examples: self.clues.examples(),
        }
    }
}

impl CluesConfig {
    fn examples(&self) -> Examples {
        Examples {
            finds: self.finds.clone(),
            passes: self.passes.clone(),
        }
    }
}

/// A model that knows no name.
struct NoNames;

impl NamedEntities for NoNames {
    fn find(&self, _text: &str) -> Result<Vec<NamedSpan>, NamedEntitiesError> {
        let why = "there is none".to_owned();
        Err(NamedEntitiesError { why })
    }
}

/// Whether these rules have an entity or recognizer of this name.
pub(crate) fn is_known(rules: &Rules, word: &str) -> bool {
    !rules.entities_named(word).is_empty()
        || rules
            .recognizer_names()
            .any(|(name, _, _)| name.eq_ignore_ascii_case(word))
}

/// Settings by name of an entity, those for more entities first, so that narrower ones come later and count.
fn broadest_first<'a, T>(named: &'a [(String, T)], rules: &Rules) -> Vec<&'a (String, T)> {
    let mut sorted: Vec<&(String, T)> = named.iter().collect();
    sorted.sort_by_key(|(name, _)| std::cmp::Reverse(rules.entities_named(name).len()));
    sorted
}

/// Like [`Policy::with`], for a name in any case.
fn with(
    mut policy: Policy,
    rules: &Rules,
    name: &str,
    action: portcullis_mask::Action,
) -> Result<Policy, PolicyError> {
    let entities = rules.entities_named(name);
    if entities.is_empty() {
        return policy.with(rules, name, action);
    }
    for facts in entities
        .into_iter()
        .filter_map(|one| rules.entity_facts(one))
    {
        policy = policy.with(rules, &facts.label, action)?;
    }
    Ok(policy)
}
