#include "apps/guard/recognisers/phrases.hpp"

namespace picket::apps::guard {
namespace {

constexpr auto overriding = "orders to drop its orders";
constexpr auto another_role = "orders to be somebody without rules";
constexpr auto revealing = "orders to say what its orders are";
constexpr auto hiding = "orders to keep something from its user";
constexpr auto template_mark = "marks of a model's own template";

constexpr Phrase table[] = {
    // English
    {"ignore|disregard|forget|override|overrule|bypass|neglect|discard|ignoring|disregarding "
     "..4 "
     "previous|prior|above|earlier|preceding|foregoing|initial|original|system|former|existing|past|prev|your|all|any|"
     "every|these|those "
     "..3 "
     "instruction*|prompt*|rule*|direction*|directive*|guideline*|command*|order*|constraint*|restriction*|programming|"
     "training|policy|policies|"
     "context|safeguard*|guardrail*|filter*|guidance|limitation*|protocol*",
     overriding, 0.9F},
    {"ignore|disregard|forget everything|anything|all|whatever ..4 "
     "above|before|previously|prior|preceding|said|told|learned|know",
     overriding, 0.85F},
    {"not|dont|stop follow|following|obey|obeying ..3 previous|prior|your|these|those|original|system|any|initial ..3 "
     "instruction*|rule*|guideline*|directive*|prompt*|policies",
     overriding, 0.8F},
    {"instruction*|rules|prompt above|previous|prior ..3 no longer|void|cancelled|canceled|obsolete", overriding, 0.7F},
    {"instructions|rules|guidelines ..3 no longer apply|applies|valid", overriding, 0.75F},
    {"your new|real|true|actual|only|updated task|instruction*|goal|objective|role|job|purpose|directive*|mission "
     "is|are",
     overriding, 0.7F},
    {"new|updated|urgent instruction*|directive*|orders ..3 override|overrides|supersede*|replace*", overriding, 0.75F},
    {"system|admin|administrator|developer|security override", overriding, 0.55F},
    {"end of ..1 system|previous|user ..1 prompt|instructions|message", overriding, 0.6F},
    {"from now on ..3 you ..2 are|act|respond|answer|speak|obey|must", another_role, 0.6F},
    {"do anything now", another_role, 0.95F},
    {"you are|re|will|must ..3 dan|jailbroken|uncensored|unrestricted|unfiltered|amoral", another_role, 0.85F},
    {"you are|re no longer ..6 "
     "ai|assistant|model|chatbot|bound|restricted|limited|constrained|chatgpt|claude|gpt|gemini",
     another_role, 0.85F},
    {"you are|re now ..4 free|unbound|in|hacker|evil|root ..3 from|mode|restriction*|rules|limits|by", another_role,
     0.7F},
    {"act|behave|respond|pretend|roleplay|answer|simulate|speak ..3 as|like|being|be ..4 "
     "dan|unrestricted|uncensored|unfiltered|jailbroken|amoral|evil",
     another_role, 0.85F},
    {"pretend|imagine|assume|suppose|act|roleplay ..6 no|without|any|free ..3 "
     "restriction*|rules|filter*|guideline*|limits|limitation*|policies|ethic*|moral*|censorship",
     another_role, 0.75F},
    {"answer|respond|reply|act|speak|comply|write ..4 without ..4 "
     "restriction*|filter*|censorship|guideline*|limitation*|moral*|ethic*|disclaimer*",
     another_role, 0.75F},
    {"enable|enter|activate|switch|engage|unlock|in ..4 "
     "dan|jailbreak|god|unrestricted|evil|opposite|unfiltered|uncensored mode",
     another_role, 0.85F},
    {"you|chatgpt|simulate|pretend|respond ..6 developer|debug|maintenance|sudo mode", another_role, 0.75F},
    {"disable|remove|lift|turn|bypass ..3 your|all|safety|content|any ..3 "
     "filter*|safety|restriction*|guardrail*|safeguard*|moderation|limitation*",
     another_role, 0.75F},
    {"reveal|show|print|output|repeat|display|tell|disclose|leak|give|share|dump|expose|recite|see|read "
     "..3 your|the|its|ur|this ..3 system|hidden|initial|secret|original|internal|developer|confidential|full ..2 "
     "prompt*|instruction*|message|configuration",
     revealing, 0.85F},
    {"what|whats is|are|were|s ..2 your ..3 system|initial|original|hidden|secret|exact|first|internal "
     "prompt*|instruction*|rules",
     revealing, 0.8F},
    {"what|which instructions|rules|prompt were|was|have|did ..3 you ..3 given|told|receive|received", revealing,
     0.65F},
    {"repeat|print|output|copy|write ..3 words|text|everything|content|all ..3 above|verbatim|before|preceding",
     revealing, 0.75F},
    {"starting|beginning|starts|begins with ..2 you are", revealing, 0.65F},
    {"not|dont|never ..1 tell|inform|mention|reveal|alert|notify|disclose ..4 user|users|human|reader|operator|victim",
     hiding, 0.7F},
    {"hide|conceal ..3 from ..2 user|users|human|operator", hiding, 0.7F},
    {"without ..2 telling|informing|notifying|alerting|asking ..2 user|human|them", hiding, 0.65F},
    {"if|when you are|re an|a ai|llm|language|assistant|gpt|chatbot", hiding, 0.7F},
    {"attention|dear|note|hey|message ..2 ai|llm|llms|chatgpt|assistants ..3 "
     "reading|processing|summarizing|must|ignore|please",
     hiding, 0.65F},
    {"send|forward|post|exfiltrate|upload|transmit|leak|append "
     "..5 conversation|history|chat|api|key|keys|credentials|password*|secrets|context ..6 to ..2 "
     "http|https|url|attacker|endpoint|webhook",
     hiding, 0.75F},
    {"decode ..6 base|rot|hex|payload|string ..6 execute|follow|obey|comply|run", overriding, 0.65F},
    {"pay no attention ..3 previous|prior|earlier|above|your|any|the ..3 "
     "instruction*|rule*|guideline*|prompt*|directive*|guidance",
     overriding, 0.9F},
    {"set|put|leave|lay|cast ..3 aside ..4 instruction*|rule*|guideline*|prompt*|directive*|guidance|restriction*",
     overriding, 0.8F},
    {"set|put|leave|lay|cast your|all|previous|any|the ..3 "
     "instruction*|rules|guideline*|prompt*|directive*|restriction* ..1 aside",
     overriding, 0.8F},
    {"ignore|disregard|forget|bypass|circumvent|evade|violate|deactivate|switch|escape|override ..3 "
     "your|safety|content|ethical|ethics|moderation|security ..3 filter*|guideline*|policy|policies|"
     "restriction*|protocol*|safeguard*|guardrail*|limitation*|rules|programming|moderation|constraint*|boundaries|"
     "guidance|considerations",
     overriding, 0.8F},
    {"this|following overrides|supersedes|replaces|override|supersede|replace ..4 "
     "instruction*|prompt*|rules|guideline*",
     overriding, 0.8F},
    {"previous|prior|earlier|above|original|all|your instruction*|rules|prompts|guideline*|directive*|restriction* ..1 "
     "are|is|were|have ..4 void|cancelled|canceled|revoked|"
     "invalid|obsolete|suspended|lifted|replaced|superseded|overridden|deleted|expired",
     overriding, 0.8F},
    {"stop being|acting|pretending ..4 assistant|ai|chatbot", another_role, 0.7F},
    {"you|ai|assistant|that|who never|cannot|cant refuse|refuses|decline|declines", another_role, 0.7F},
    {"you have|ve been ..2 freed|liberated|unlocked|jailbroken|released", another_role, 0.75F},
    {"i am|m your ..2 developer|creator|admin*|engineer|programmer|owner", another_role, 0.65F},
    {"im your ..2 developer|creator|admin*|engineer|programmer|owner", another_role, 0.65F},
    {"summarize|summarise|translate|encode|paraphrase|describe|type|echo|return|send|copy|extract|write "
     "..3 your|ur ..3 system|hidden|initial|secret|original|internal|developer|confidential ..2 "
     "prompt*|instruction*|message|configuration",
     revealing, 0.85F},
    {"reveal|show|print|output|repeat|display|tell|disclose|leak|give|share|dump|expose|recite ..3 your "
     "instruction*|prompt|guideline*|directive*|rules",
     revealing, 0.75F},
    {"content|contents of your|the ..2 context|system ..2 window|prompt|message", revealing, 0.75F},
    {"important|urgent|hidden|secret instruction*|message|note ..2 for|to ..3 ai|llm|llms|assistant*|model*|chatbot*",
     hiding, 0.75F},
    {"start|begin your|the response|reply|answer|output with ..2 sure|absolutely|certainly", another_role, 0.6F},
    // German
    {"ignoriere|ignorier|ignorieren|vergiss|vergesse|vergessen|missachte|missachten|uberschreibe|umgehe|verwirf "
     "..4 vorherig*|vorig*|bisherig*|obig*|alle|alles|deine|fruher*|vorangegangen*|sie|ursprunglich* "
     "..3 anweisung*|instruktion*|regel*|befehl*|vorgabe*|prompt*|richtlinie*|einschrankung*|systemprompt",
     overriding, 0.9F},
    {"zeige|zeig|gib|nenne|verrate|wiederhole|zeigen|geben|was ..5 systemprompt*|systemanweisung*|systemnachricht*",
     revealing, 0.8F},
    {"du bist ..2 nicht|kein|ab|jetzt ..4 gebunden|ki|assistent|dan|unzensiert*|uneingeschrankt*", another_role, 0.7F},
    // French
    {"ignore|ignorez|ignorer|oublie|oubliez|neglige|negligez|contourne|contournez "
     "..4 instruction*|consigne*|regle*|directive*|ordre* ..3 precedent*|anterieur*|ci|systeme|initial*|dessus|recu*",
     overriding, 0.9F},
    {"ignore|ignorez|oublie|oubliez ..2 tout|toutes|tes|vos|tous ..3 instruction*|consigne*|regle*|directive*",
     overriding, 0.85F},
    {"revele|revelez|affiche|affichez|montre|montrez|donne|donnez|repete|repetez ..4 "
     "instruction*|prompt|consigne*|invite ..3 systeme|initial*|secret*|cache*",
     revealing, 0.8F},
    // Spanish
    {"ignora|ignore|ignorar|olvida|olvide|olvidate|omite|desobedece|descarta "
     "..4 instrucciones|ordenes|reglas|indicaciones|directrices|restricciones ..3 "
     "anterior*|previas|iniciales|sistema|arriba",
     overriding, 0.9F},
    {"ignora|ignore|olvida|olvide|olvidate ..2 tus|sus|todas|todo|todos ..3 "
     "instrucciones|reglas|indicaciones|restricciones",
     overriding, 0.85F},
    {"muestra|muestrame|revela|revelame|dime|repite|imprime ..4 prompt|instrucciones|mensaje ..3 "
     "sistema|iniciales|ocultas|secretas",
     revealing, 0.8F},
    // Italian
    {"ignora|ignorate|ignorare|dimentica|dimenticate|trascura ..4 istruzioni|regole|direttive|ordini|indicazioni ..3 "
     "precedent*|sopra|iniziali|sistema|ricevut*",
     overriding, 0.9F},
    {"ignora|dimentica ..2 tutte|le|tue ..3 istruzioni|regole|direttive", overriding, 0.85F},
    {"mostra|mostrami|rivela|rivelami|dimmi|ripeti ..4 prompt|istruzioni ..3 sistema|iniziali|segrete|nascoste",
     revealing, 0.8F},
    // Portuguese
    {"ignore|ignora|esqueca|esquece|desconsidere|desconsidera|descarte ..4 "
     "instrucoes|regras|ordens|diretrizes|comandos ..3 anterior*|previas|acima|iniciais|sistema",
     overriding, 0.9F},
    {"ignore|ignora|esqueca|esquece|desconsidere ..2 todas|suas|tuas|as ..3 instrucoes|regras|diretrizes", overriding,
     0.85F},
    {"mostre|revele|revela|mostra|repita|diga ..4 prompt|instrucoes ..3 sistema|iniciais|ocultas|secretas", revealing,
     0.8F},
    // Dutch, Polish
    {"negeer|vergeet|negeren ..3 vorige|alle|eerdere|voorgaande|je|jouw|bovenstaande ..3 "
     "instructie*|regel*|opdracht*|aanwijzing*|richtlijn*",
     overriding, 0.9F},
    {"zignoruj|ignoruj|zapomnij|pomin ..4 poprzedni*|wczesniejsz*|wszystki*|swoj*|powyzsz* ..3 "
     "polece*|instrukcj*|zasad*|wytyczn*|regul*",
     overriding, 0.9F},
};

constexpr Phrase literal_table[] = {
    {"<|im_start|>", template_mark, 0.9F},
    {"<|im_end|>", template_mark, 0.9F},
    {"<|system|>", template_mark, 0.9F},
    {"<|endoftext|>", template_mark, 0.85F},
    {"<|eot_id|>", template_mark, 0.9F},
    {"<|start_header_id|>", template_mark, 0.9F},
    {"<start_of_turn>", template_mark, 0.85F},
    {"<<sys>>", template_mark, 0.9F},
    {"[inst]", template_mark, 0.8F},
    {"[/inst]", template_mark, 0.8F},
    {"[system]", template_mark, 0.6F},
    {"<system>", template_mark, 0.65F},
    {"</system>", template_mark, 0.65F},
    {"### system:", template_mark, 0.7F},
    {"忽略之前", overriding, 0.8F},
    {"忽略以上", overriding, 0.8F},
    {"忽略上述", overriding, 0.8F},
    {"忽略前面", overriding, 0.8F},
    {"忽略先前", overriding, 0.8F},
    {"忽略所有", overriding, 0.75F},
    {"忽略你的", overriding, 0.75F},
    {"忘记之前", overriding, 0.75F},
    {"忘记所有", overriding, 0.75F},
    {"以前の指示を無視", overriding, 0.9F},
    {"これまでの指示を", overriding, 0.75F},
    {"上記の指示を無視", overriding, 0.9F},
    {"指示をすべて無視", overriding, 0.9F},
    {"이전 지시를 무시", overriding, 0.9F},
    {"이전 지침을 무시", overriding, 0.9F},
    {"모든 지시를 무시", overriding, 0.9F},
    {"игнорируй все", overriding, 0.75F},
    {"игнорируй предыдущие", overriding, 0.9F},
    {"игнорируйте предыдущие", overriding, 0.9F},
    {"игнорируйте все", overriding, 0.75F},
    {"забудь все предыдущие", overriding, 0.9F},
    {"забудь предыдущие", overriding, 0.85F},
    {"забудьте предыдущие", overriding, 0.85F},
};

constexpr std::string_view joined[] = {"ignoreprevious",    "ignoreallprevious",      "ignoretheprevious",
                                       "ignoreyour",        "ignoreallinstructions",  "ignoreallprior",
                                       "ignoretheabove",    "disregardprevious",      "disregardallprevious",
                                       "disregardyour",     "disregardtheabove",      "forgetprevious",
                                       "forgetallprevious", "forgetyourinstructions", "revealyoursystemprompt",
                                       "revealyourprompt",  "doanythingnow"};

}  // namespace

std::span<const Phrase> phrases() noexcept { return table; }
std::span<const Phrase> literals() noexcept { return literal_table; }
std::span<const std::string_view> run_together() noexcept { return joined; }

}  // namespace picket::apps::guard
